"""The words that page templates use, in English and Spanish: what `clean` knows besides the shape of lines.

All patterns see a *key*: one line or sentence, case-folded, with straight quotation marks and single spaces, without
bullets, arrows and punctuation at its ends. Whole-line patterns are tried with `fullmatch`, so "Share" on its own can
be a button while "Share prices fell" cannot. Calls to action are sentences: they are anchored at the start, or
name something that only the page itself says to its reader ("you agree", "our newsletter").
"""

from __future__ import annotations

import re

_NETWORK = (
    r"(?:facebook|twitter|x(?: \(twitter\))?|instagram|whats ?app|telegram|linked ?in|pinterest|reddit|tumblr"
    r"|tik ?tok|"
    r"you ?tube|threads|bluesky|mastodon|flipboard|messenger|snapchat|vk|vimeo|rumble|truth social|google news|rss)"
)
_THING = (
    r"(?:article|post|story|page|news|content|video|entry|link|artículo|nota|noticia|entrada|publicación)"
)

_LINES = rf"""
(?:(?:home|post|page|header|footer|sidebar|article|content|in-?article)\s)?(?:(?:top|bottom|middle
|side)\s)?ads?(?:\shere)?
|responsive ads here|advertisements?|advertorial|publicidad|espacio publicitario|anuncios?|(?:report|remove|close
|skip) (?:this )?ads?
|(?:advertisement )?(?:the )?(?:story|article|content|post) continues? (?:below|after).*
|scroll (?:down )?to continue.*
|sponsored(?: by .{{1,40}}| content| links?| posts?)?|paid (?:content|post|partnership)|contenido patrocinado
|patrocinado
|(?:la noticia|el artículo|la nota|el contenido) (?:continúa|sigue) .{{1,50}}
|loading(?: (?:comments?|more|content|images?|video|player|article|page|posts?))?|please wait(?: .{{1,40}})?
|video player is loading.*
|cargando(?: .{{1,30}})?|(?:por favor,? )?espere(?: .{{1,30}})?|un momento,? por favor|just a moment
|click (?:on )?any word to .{{1,40}}|translate(?: this)?(?: page| article| post)?|(?:select|choose|change) (?:a[ ]
|your )?language
|seleccion(?:ar|e) (?:el )?idioma|powered by .{{1,40}}|con la tecnología de .{{1,30}}
|(?:post|leave|add|write|make|submit) (?:a |your )?(?:new )?(?:comment|reply
|response)s?(?: here| below)?(?: cancel(?: reply)?)?
|cancel reply|cancelar (?:la )?respuesta|(?:\d+|one|two|three|no) comments?(?: (?:on|to|yet|so far)\b.*)?|(?:\d+|un
|sin|ningún) comentarios?(?: en .*)?
|\d+ (?:replies|responses?|respuestas?|thoughts?|reactions?)|(?:\d+|one|two|three|una) (?:replies|responses?
|respuestas?|thoughts?) (?:on|to|en|a) ["'«].*
|comments? (?:are |have been )?(?:closed|off|disabled|turned off)(?: .*)?|comentarios (?:cerrados|desactivados)
|no hay comentarios.*
|(?:view|show|see|read|load|hide|ver|mostrar) (?:all |more |todos |todos los |los )?(?:\d+ )?(?:comments?
|comentarios?|replies)
|be the first to (?:comment|reply|like|share|review|react).*|sé el primero en comentar.*|join the (?:conversation
|discussion|debate)
|(?:deja|dejar|escribe|escribir|publica|publicar|añade|añadir|agrega|agregar|envía|enviar) (?:un |tu[ ]
|su )?(?:comentario|respuesta)s?(?: .{{1,30}})?
|(?:click to |haz clic para )?(?:share|compartir|comparte|compártelo|compárteme)(?: (?:this|it|esta|este|la
|el))?(?: {_THING})?(?: (?:on|via|to|with|by|in|en|por|a) .{{1,40}})?
|share this.{{0,20}}|(?:share (?:on|to) {_NETWORK} ?)+|(?:email|e-mail) (?:this|article|to a friend|a friend
|a link).{{0,40}}|blog ?this.{{0,60}}
|tweet(?: this| it)?|pin it|save to pinterest|(?:copy|copiar)(?: the| el)? (?:link|url|enlace)(?: to clipboard)?
|link copied.*|enlace copiado.*
|(?:print|imprimir) (?:this |esta |este |la )?{_THING}|enviar por (?:correo|e-?mail|whatsapp).*|print friendly.*
|print & pdf
|(?:like|me gusta)(?: this:?| esto:?)(?: (?:like|me gusta))?(?: (?:loading|cargando))?|(?:like|me gusta) (?:loading
|cargando)
|(?:watch|view|see|open|ver|mira|seguir
|follow)(?: this| esta| el| la)?(?: post| video| thread| publicación| tweet| more)?(?: live)? (?:on|en) {_NETWORK}
|(?:a post shared by|una publicación (?:compartida|de)) .{{1,60}}|watch (?:the[ ]
|this )?(?:full )?video(?: below| here)?|play(?: video| audio)?
|(?:listen to|escucha(?:r)?) (?:this |el |este )?(?:article|story|post|artículo|nota).{{0,30}}|tap to unmute
|click to (?:play|enlarge|expand|zoom).{{0,20}}
|skip to (?:main |the )?(?:content|navigation|footer|search|sidebar|menu).{{0,20}}
|saltar al contenido(?: principal)?|ir al contenido(?: principal)?
|(?:toggle|open|close|main|primary|show|hide|mobile) (?:navigation|menu|sidebar|search)(?: .{{1,20}})?|(?:abrir
|cerrar) (?:el )?menú|menú principal|main navigation
|(?:back|return|go) to (?:the )?(?:top|home|homepage|home page|main page|previous page)|volver (?:arriba|al inicio
|a la portada|al principio)
|(?:older|newer|next|previous|prev) (?:posts?|articles?|story|stories|page|entry|entries)(?: .{{0,60}})?
|page \d+ of \d+|página \d+ de \d+
|(?:entrada|artículo|nota|página|publicación)s? (?:anterior|siguiente|más reciente|más antigua|antigua
|reciente)(?:es|s)?
|search (?:this |the |our )?(?:site|blog|website|web|archives?|here|for|results)|buscar (?:en|por) .{{1,30}}
|you are here.{{0,80}}|(?:usted está|estás) aquí.{{0,80}}
|(?:read|show|load|see|view) (?:more|less|all)(?: (?:posts?|articles?|stories|news|\.\.\.|here))?
|continue reading(?: .{{1,90}})?|keep reading|(?:read|view) (?:the )?full (?:article|story|bio)
|(?:leer|ver|mostrar|cargar) más(?: .{{1,20}})?|seguir leyendo|sigue leyendo|continuar leyendo
|leer (?:la )?nota completa
|contact form|formulario de contacto|save my name.*|guarda(?:r)? mi nombre.*|notify me .{{3,60}}
|recibir un (?:correo|email).{{3,60}}
|(?:theme|template|design(?:ed)?|site|website|images?|theme images?|developed|made|built)(?: design)? by .{{1,50}}
|diseñado por .{{1,40}}|simple theme.*|proudly powered.*
|blog archive|archivo del blog|view my complete profile|ver todo mi perfil
|subscribe to(?: this blog| post comments.*| posts.*)|suscribirse a(?: entradas.*| comentarios.*)
|subscribe(?: now| today| here| free| for free| by e-?mail| via e-?mail)?|subscribe to (?:our|my|the
|this) .{{1,40}}|suscr[ií]b(?:ete|irse|ase|ete ahora|ete aquí)(?: a(?:l)? .{{1,40}})?
|(?:sign|log) ?(?:up|in|out|on)(?: now| here| today| free)?|log ?in (?:or|/|to) .{{1,30}}|sign (?:up|in) (?:to|for
|with|or|/) .{{0,30}}(?:newsletters?|account|alerts?|updates?|e-?mails?|google|facebook|register|log ?in|sign up
|comment|briefing|continue|free)\b.{{0,20}}
|register(?: now| here| for free)?|create (?:an |a free )?account|my account|mi cuenta|forgot (?:your[ ]
|my )?password|(?:¿)?olvid(?:ó|aste) (?:su|tu) contraseña
|inici(?:ar|a|e) sesión|regístr(?:ate|ese)|registrarse|crear (?:una )?cuenta|newsletter(?: sign ?-?up)?|(?:our[ ]
|daily |weekly |free )newsletters?|e-?mail newsletters?|boletín(?: de noticias| informativo)?
|follow(?:ing)?(?: us)(?: on .{{1,60}})?|follow on .{{1,40}}|síg(?:uenos|anos)(?: en .{{1,60}})?|(?:like|find|join
|visit) us on .{{1,60}}|(?:únete|join) .{{0,30}}(?:canal|channel|grupo|group)(?: .{{0,30}})?
|(?:download|get|descarga) (?:our|the|nuestra|la) .{{0,20}}app(?: .{{0,20}})?|available on (?:the )?(?:app store
|google play).*|app store|google play
|(?:privacy|cookies?|editorial|ethics|corrections?|accessibility|comment|comments) (?:policy|policies|notice
|settings|preferences|statement|standards)|privacy(?: (?:and|&) (?:cookies?|terms)(?: policy)?)?
|terms(?: (?:of|and|&) (?:use|service|sale|conditions|privacy(?: policy)?))*|(?:your )?(?:us[ ]
|california )?privacy (?:rights|choices)|do not sell.{{0,40}}
|(?:manage|accept|reject|allow|decline)(?: all| my)? ?(?:cookies?|consent|preferences|all|cookie settings)
|(?:aceptar|rechazar|configurar|gestionar)(?: todas)?(?: las)? ?(?:cookies|todas|todo|preferencias)
|aviso (?:legal|de privacidad)|política de (?:privacidad|cookies|datos).{{0,30}}|políticas de privacidad
|términos (?:y|de|e) .{{3,30}}|(?:código|línea) (?:de ética|editorial)
|all rights reserved|todos los derechos reservados|derechos reservados|(?:about|contact|advertise with|write for
|work (?:with|for)|support|donate to|join|email|call) us|quiénes somos|cont[aá]ct(?:anos|enos)|an[uú]nci(?:ate
|ese)(?: con nosotros)?
|site ?map|mapa del sitio|rss(?: feed)?|atom(?: feed)?|your browser (?:does not|doesn't) support.*
|(?:please )?enable javascript.*|javascript (?:is |must be )?(?:disabled|required|enabled).*
|(?:estimated )?(?:reading|read) time.{{0,30}}|\d+[- ]?(?:min(?:ute)?s?)[- ]?(?:read|to read|de lectura)
|tiempo (?:estimado )?de lectura.{{0,30}}|less than a minute
|[\d.,]+k? (?:shares?|views?|likes?|claps?|followers?|vistas?|visitas?|lecturas?|compartid[oa]s?|me gusta
|seguidores)|(?:shares?|views?) [\d.,]+k?
|(?:search|buscar)(?: .{{1,20}})? (?:search|buscar)|enter (?:your )?(?:e-?mail|search|name)(?: .{{1,40}})?
|type (?:and|your) .{{3,40}}|hit enter to search.*|press esc.*|escribe (?:y|tu) .{{3,40}}
|image copyright(?: .{{1,30}})?|media playback is (?:unsupported|not supported).*
|(?:these are )?external links?.{{0,60}}new window
|(?:file|archive|stock|ap|afp|reuters|efe|getty) ?(?:photo|image|picture|foto|images)s?|(?:foto
|imagen)s? de archivo|image source|getty images?|image caption|media caption|photo gallery|view (?:gallery|image
|photos?)
|posted (?:by|in|on|under) .{{1,60}} at \d{{1,2}}:\d\d.{{0,60}}|publicado por .{{1,60}} (?:a las
|en) \d{{1,2}}:\d\d.{{0,60}}
|accessibility (?:links|help)|join [\d.,]+k? other (?:subscribers|followers)|this entry was posted .*
|bookmark the .{{1,30}}
|view all (?:posts|articles|stories) (?:by|from|in) .{{1,40}}|about .{{2,40}} \d+ (?:articles|posts)
|logged in as .{{1,40}}
|log ?out|(?:entries|comments) feed|wordpress\.?org|subscribe to .{{2,40}} on {_NETWORK}|(?:published|posted) by admin
|the latest .{{3,60}} (?:inbox|e-?mail|phone)|report this.{{0,12}}|gift (?:this )?article|open (?:this )?(?:article
|page|story)? ?in (?:the )?app
|(?:current|remaining) time(?: .{{1,10}})?|duration(?: [\d:]{{1,8}})|this video can ?not be .{{1,30}}
|this is a modal window.*
|(?:please )?try (?:a different|another) browser.*|advertisement\b.{{0,10}}(?:continue|scroll|below).{{0,40}}
|disclosure statement
|something went wrong.{{0,60}}|you are now subscribed.*|(?:please )?(?:verify|confirm|enter) your .{{3,60}}
|check your (?:inbox|e-?mail).{{0,70}}|you have entered an? .{{3,40}}|select your (?:currency|country|region
|location|edition)
|add to (?:cart|wishlist|basket|favou?rites|bookmarks)|buy now|view cart|scroll (?:back )?to (?:the )?top
|exit (?:mobile|full ?screen)(?: version)?
|back to (?:all )?(?:articles|news|posts|stories|blog)|thank you for your (?:feedback|comment|vote)
|spread the (?:love|word)|read in (?:english|spanish)
|featured image(?: .{{1,50}})?|sort by(?: .{{1,12}})?|(?:newest|oldest)(?: first| most voted)?|most voted
|inline feedbacks|notify of|upvote|downvote
|(?:all )?comments are (?:subject to|moderated|reviewed).{{0,70}}|share|compartir|subscribe|suscribirse|login
|submit comment|unsubscribe
|escuchar? (?:esta|la) (?:nota|noticia|publicación)|leer en (?:inglés|español)|ver (?:versión|sitio) .{{3,20}}
|activar notificaciones
"""
LINE = re.compile("(?:" + _LINES.replace("\n", "") + ")")

# Words that are furniture only in company: on their own they can be a heading or an item of a list.
WEAK = frozenset(
    """
about|about me|about the author|accept|aceptar|acerca de|advertise|all|anterior|apellido|apellidos|archive
|archives|archivo|archivos|arriba|arts|asunto|author|authors|autor|autores|autos|ayuda|back|bluesky|bookmark
|buscar|business|cancel|cancelar|careers|cars|categories|category|categorías|cerrar|ciencia|clasificados
|classifieds|clima|close|columnistas|columnists|comentario|comentarios|comment|comments|compartir|contact
|contacto|continuar|continue|corrections|correo|correo electrónico|crime|cultura|culture|dark mode|delete
|deportes|description|discover|dismiss|donar|donate|e-mail|e-mail address|economy|economía|edit|editar
|editor's picks|editorial|editorials|educación|education|el tiempo|email|email address|empleos|en español
|en vivo|english|entertainment|entretenimiento|enviar|escuchar|espanol|español|espectáculos|etiquetas|eventos
|events|explore|facebook|faq|fashion|features|finance|finanzas|first name|flipboard|follow|food|fotos|front page
|galería|gallery|games|gift|google|google news|guardar|health|help|home|homepage|idioma|imprimir|inicio
|instagram|internacional|internacionales|international|investigations|jobs|juegos|labels|language|last name
|latest|latest news|letters|life|lifestyle|light mode|like|link|linkedin|listen|live|live tv|local|login|logout
|magazine|mail|markets|me gusta|mensaje|menu|menú|mercados|message|messenger|meta|more|more options|multimedia
|mundo|más|más opciones|nacional|nacionales|name|national|negocios|news|newsletters|next|no|nombre|noticias
|obituaries|ok|okay|opinion|opinions|opinión|page|pages|perfil|phone|phone number|photo|photos|pinterest|podcast
|podcasts|politics|política|portada|previous|print|profile|página|páginas|read|reddit|reply|report|responder
|revista|rss|salud|save|science|search|secciones|sections|see all|seguir|send|settings|share|shares|shop
|siguiente|sitemap|sitio web|sobre mí|sport|sports|staff writer|store|style|su nombre|subject|submit|subscribe
|support|suscripciones|tag|tags|tech|technology|tecnología|telegram|teléfono|tendencias|threads|tienda|tiktok
|todo|todos|top|top stories|travel|trending|tu mensaje|tu nombre|tumblr|twitter|unfollow|ver todo|viajes|video
|videos|view all|views|vistas|vk|volver|watch|weather|web|website|whatsapp|world|x|yes|your email|your message
|your name|youtube
""".replace("\n", "").split("|")
)

# Labels of form fields. With an asterisk ("Email *") they are fields wherever they stand.
FIELD = re.compile(
    r"(?:(?:your|tu|su|first|last|full) )?(?:name|e-?mail(?: address)?|message|comments?|website|web ?site"
    r"|phone(?: number)?|subject|"
    r"company|country|nombre(?: completo)?|apellidos?|correo(?: electrónico)?|mensaje|comentario|sitio web|web"
    r"|teléfono|asunto)"
)

# After one of these come headlines of other articles.
RELATED = re.compile(
    r"(?:related|recommended|popular|trending|latest|recent|more|similar|top|featured|other|must|further|keep"
    r"|most popular|suggested)"
    r"(?: (?:posts?|articles?|stories|story|news|content|topics?|reads?|reading|videos?|headlines|coverage|links"
    r"|searches|now))+"
    r"|(?:related|trending|recommended)(?: (?:for you|to this.{0,20}|on .{1,30}))?|you (?:may|might|could"
    r"|will)(?: also)? (?:like|love|enjoy|be interested in|have missed|want to read)(?: .{1,20})?"
    r"|(?:more|popular|trending|latest|new) (?:from|in|by|on|at) (?:the |this |our )?.{1,40}|more (?:on"
    r"|about) this .{1,20}|(?:also read|read also|read next|up next|what to read next|see also|don't miss"
    r"|in case you missed it)"
    r"|most (?:read|viewed|popular|shared|commented|watched)(?: .{1,20})?|popular this week|editors?'?s? (?:picks"
    r"|choice)"
    r"|(?:también )?(?:te|le) (?:puede|podría|pueden|recomendamos)(?: también)?(?: interesar)?(?: .{1,20})?|(?:lee"
    r"|lea|leer|mira|vea|ver|leé) (?:también|además)"
    r"|(?:noticias|artículos|notas|entradas|temas|contenidos?|publicaciones|historias|videos) (?:relacionad[oa]s?"
    r"|populares|recientes|destacad[oa]s|recomendad[oa]s?|similares)"
    r"|(?:relacionad[oa]s?|recomendad[oa]s?|últimas noticias|últimas entradas|no te pierdas|más noticias"
    r"|más leíd[oa]s|más vist[oa]s|lo más (?:leído|visto|popular|reciente|nuevo))(?: .{1,20})?"
    r"|más información|(?:in )?other news|(?:next )?up next(?: in \d+)?|next up in \d+|latest"
    r"|most recent(?: from .{1,40})?"
    r"|sponsored stories|última hora|top stories|explore more.{0,20}|recommended for you|recomendamos|más (?:de"
    r"|en) .{1,30}"
)
# The same with the headline on the same line.
RELATED_INLINE = re.compile(
    r"(?:read more|read also|also read|read next|must read|related|related (?:article|story|news|post|coverage)"
    r"|see also|more|read|watch|listen|don't miss|"
    r"in case you missed it|(?:te|le) puede interesar|también te puede interesar|(?:lee|lea|leer|mira|vea"
    r"|ver)(?: también| además| más)?|nota relacionada|relacionado|te recomendamos)"
    r"(?: (?:on|about|sobre) [^:]{1,40})?\s?[:|»>–—-]\s?\S.{3,200}"
)

# Blocks of a site template that begin with a label: the short lines under it are an address.
ADDRESS_LABEL = re.compile(
    r"(?:physical|mailing|postal|street|our|office|business|email|e-?mail)? ?address(?:es)?|our (?:office"
    r"|location)s?|(?:office|opening|business|working) hours|get in touch|"
    r"contact(?: us| info(?:rmation)?| details)|find us|dirección(?: física| postal)?|domicilio|datos de contacto"
    r"|horarios?(?: de atención)?|phone|teléfonos?"
)
ADDRESS_LINE = re.compile(
    r".*\d.*|.*@.*|.*\b(?:st|street|ave|avenue|road|rd|blvd|suite|floor|box|calle|avenida|av|col|colonia|c\.?p"
    r"|piso|monday|friday|lunes|viernes|usa|united states|méxico|mexico)\b.*",
    re.DOTALL,
)

TAGS = re.compile(
    r"(?:tags?|tagged(?: (?:with|as|in))?|filed (?:under|in)|labels?|categor(?:y|ies)|posted in|topics?|etiquetas?"
    r"|etiquetado(?: como| con)?|categorías?|temas|archivado en|in this (?:article|story))\s?[:|]\s?\S.{0,200}"
)

CREDIT = re.compile(
    r"[(\[]?(?:(?:photo|image|foto|imagen|fotos|photos|illustration|ilustración|pic|picture|fotografía|photograph"
    r"|video|cover image|featured image|main image|header image|top image|ap photo)"
    r"(?: (?:credits?|by|courtesy|courtesy of|via|source|de|por|cortesía))*\s?[:/|–—-]\s?|(?:photo|photograph"
    r"|image|foto|illustration|picture)s? (?:by|courtesy|via|credit|credits)\b|(?:photo |image |foto )?(?:credits?"
    r"|créditos?|cortesía)\s?[:/|])"
    r".{2,90}"
    r"|[(\[]?(?:ap|afp|reuters|epa|efe|getty|xinhua|cuartoscuro|notimex|ap photo|upi|dpa|ansa|bloomberg"
    r"|shutterstock)(?: photo| images)?\s?/\s?.{2,50}"
    r"|.{2,50}[/|]\s?(?:ap|afp|reuters|epa|efe|getty|getty images|xinhua|cuartoscuro|upi|dpa|shutterstock|istock"
    r"|unsplash|pool|ap photo|wikimedia commons|flickr)(?: (?:via|images|photo|file|pool|getty|ap|afp"
    r"|reuters)){0,3}[)\]]?"
)
CREDIT_IN_TEXT = re.compile(
    r"\s?[(\[](?:(?:ap |afp |file )?(?:photo|image|foto|picture|imagen)s?(?: (?:by|credit|courtesy of|courtesy|via"
    r"|de|por|cortesía))?\s?[:/]?\s[^()\[\]]{2,80}|(?:ap|afp|reuters|efe|epa)(?: photo)?/[^()\[\]]{2,60})[)\]]\.?$",
    re.IGNORECASE,
)
# The description that stands in for a picture: "A dramatic aerial view of …", without any verb that tells something.
CAPTION = re.compile(
    r"(?:[\w.&'-]+ ){0,5}an? (?:[\w-]+ ){0,4}(?:view|photo|photograph|image|illustration|shot|picture|portrait"
    r"|depiction|scene|graphic|map|screenshot|collage|close-up|representation) "
    r"(?:of|showing|from|featuring|depicting|illustrating|with)\b.*",
    re.DOTALL,
)
# The same without its frame: "Two soldiers standing beside a grey plane under bright lights."
SCENE = re.compile(
    r"(?:an?|two|three|four|several|some|people|crowds?|un|una|dos|tres|varios"
    r"|varias) [\w,' -]{3,60}?\b\w{3,}(?:ing|ando|iendo)\b"
    r"(?! (?:the )?(?:investigation|question|number))[^.;:]{8,}\.?",
    re.DOTALL,
)
FINITE = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|will|would|can|could|may|might|must|shall|should|said"
    r"|says|told|shows?|showed|"
    r"made|took|came|went|began|became|appears?|appeared|emerged|sparked|circulated|surfaced|led|left|gave|got"
    r"|went viral|prompted|raised|drew|spread|caused|"
    r"revealed|published|posted|suggests?|suggested|confirmed|that|who|which)\b"
)

REPORTING = re.compile(
    r"\b(?:said|says|told|wrote|writes|tweeted|added|argued|warned|asked|announced|according to|claimed|stated"
    r"|urged|noted|insisted|"
    r"dijo|dice|señaló|afirmó|aseguró|explicó|escribió|agregó|declaró|pidió|indicó|advirtió|según|sostuvo|anunció)\b"
)
