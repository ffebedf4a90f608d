"""Calls to action: whole sentences that a page says to its reader and that no article says.

`fixed` patterns are legal and technical formulas; they count even next to a reporting verb. The others count only
where nobody is quoted and nothing is reported, because "Follow us on Telegram," the group wrote, is news.
"""

from __future__ import annotations

import re

_NETWORK = (
    r"(?:x|facebook|twitter|instagram|whats ?app|telegram|linked ?in|you ?tube|tik ?tok|threads|bluesky|social media"
    r"|redes sociales)"
)
_GOODS = (
    r"(?:newsletters?|channel|updates?|alerts?|magazine|podcast|feed|e-?mails?|edition|briefing|account|app"
    r"|premium|digest|mailing list|"
    r"notifications?|inbox|stories|coverage|content|boletín|boletines|canal|noticias|correo|notificaciones)"
)

FIXED = re.compile(
    r"""(?:protected by re?captcha|recaptcha|akismet|how your comment data (?:is|are) processed
|cómo se procesan los datos de tus comentarios
|all rights reserved|todos los derechos reservados|(?:e-?mail address|correo electrónico)(?: address)? (?:will not
|won't|no será) (?:be )?(?:published|publicad|displayed|shared)
|required fields are marked|campos (?:obligatorios|requeridos|necesarios) están marcados|save my name|guard(?:a
|ar) mi nombre
|material may not be (?:published|reproduced)|(?:reproduction|reproducción) (?:in whole|total|without
|is prohibited)|prohibida (?:su|la) reproducción|queda prohibida la
|(?:views|opinions) expressed .{0,80}(?:author|contributor|do not|don't|are those|are solely|not necessarily)
|opiniones (?:expresadas|vertidas)
|unsubscribe (?:at any time|here|from)|(?:we|our|this (?:web)?site|us|you|your|nosotros|utilizamos|usamos
|este sitio|nuestr[oa]s?)\b.{0,60}\bcookies\b|\bcookies\b.{0,60}\b(?:our|this (?:web)?site|your|you|este sitio
|tu|su experiencia)\b
|by (?:clicking|continuing|signing up|subscribing|submitting|using|browsing|entering|registering
|providing)\b.{0,120}\b(?:you (?:agree|accept|consent|acknowledge)|our terms|privacy policy|terms of)
|al (?:hacer clic|continuar|registrarte|suscribirte|navegar|enviar)\b.{0,100}\b(?:aceptas|acepta|términos
|política de)
|you (?:must|need to) (?:be )?(?:logged in|log in|login|register|subscribe|enable)|enable javascript|ad ?-?blocker
|your browser (?:does|is)|(?:tu|su) navegador no
|^the post .{3,200} appeared first on |^la entrada .{3,200} (?:se publicó|apareció) primero en |(?:publish\w*
|licensed|available|republish\w*)\b.{0,80}\bcreative commons
|^(?:©|\(c\)|copyright\b(?: ©)?(?: \(c\))?)\s?(?:©\s?)?(?:\d{4}|by\b|[\w. &-]{2,40}\d{4})|©\s?\d{4}
|copyright ©
|click to share on|opens? in (?:a )?new (?:window|tab)|se abre en una ventana nueva
)""".replace("\n", "")
)

OPENING = re.compile(
    rf"""(?:please,? )?(?:
(?:click|tap|press)\b.{{0,40}}\b(?:buttons?|links?|images?|icons?|banner|below|here|bell|subscribe|share|donate
|word)\b
|(?:follow|like|join|find|visit|support|contact|email|message|write to|connect with) us\b
|follow .{{2,40}} on {_NETWORK}\b|follow (?:our|the) .{{0,30}}(?:channel|page|account)
|(?:subscribe|sign up|register|opt in)\b.{{0,60}}\b{_GOODS}\b|subscribe (?:now|today|here)\b|(?:subscribe|log in
|sign in|register) to (?:continue|read|comment|access|our|post|unlock)\b
|(?:help|support|fund|sustain|defend) (?:keep )?(?:us|our|independent|local|quality|fearless
|public)\b.{{0,80}}(?:journalis
|afloat|media\b|our work|reporting|newsroom|mission|our site|blog|today|donat|with a|by becoming)|help us\b
|donate\b.{{0,60}}(?:today|now|here|our|us\b|button|support)|(?:consider )?(?:become|becoming) a (?:\w+ )?(?:member
|subscriber|patron|supporter)\b|(?:consider )?mak(?:e|ing) a (?:[\w,-]+ ){{0,4}}(?:donation|contribution)\b
|consider (?:supporting|donating|subscribing|making|becoming)\b|(?:download|get|install) (?:our
|the) .{{0,20}}\bapp\b|feel free to (?:repost|share|republish|contact|leave|comment|forward)
|(?:share|send) (?:this|your|us)\b.{{0,60}}(?:article|story|post|friends|thoughts|below|comments|tips|button
|feedback)|share your (?:thoughts|views|comments)
|(?:read|see|find|learn|discover|find out) more\b.{{0,90}}|read (?:also|next)\b.{{0,120}}|(?:read|see|watch
|listen to) (?:the|our) (?:full|original|complete|rest|latest)\b.{{0,60}}\b(?:here|below)\b.{{0,20}}
|(?:stay|keep) (?:up[- ]to[- ]date|informed|tuned|connected|in touch) (?:with|on|by|for|to|and)\b.{{0,60}}\b(?:our
|us|newsletter|news|latest|{_NETWORK}|more)\b
|(?:get|receive|have) (?:the |our |all |all the |breaking |your |more )?(?:latest|best|top|daily|news|updates
|exclusive|stories|headlines|breaking|must-read|most important)\b.{{0,90}}\b(?:inbox|e-?mail(?:ed)?|newsletter
|delivered|phone|app|notifications?|for free|straight|sign up|subscribe)
|(?:don't|never) miss (?:out|any|a|an|our|the)\b.{{0,80}}|enter your (?:e-?mail|name)|(?:leave|post|write
|drop) (?:a|your|us a) (?:comment|reply|line|note)\b|(?:tell|let) us (?:what you think|know)\b
|(?:have|got) (?:a |any )?(?:news |story )?(?:tips?|question|correction|something to say)\b.{{0,80}}
|contact (?:the )?(?:author|reporter|newsroom|editors?|writer)s? (?:at|by|via|on)\b|send (?:us|an e-?mail
|your (?:tips|feedback|comments|letters)|tips|corrections)\b
|(?:turn off|disable|whitelist) .{{0,30}}|thank(?:s| you) for (?:reading|visiting|subscribing|signing up
|your support|supporting|your (?:comment|patience|interest))
|want (?:more|to read more|to support us|to receive|the latest)\b.{{0,100}}|already (?:a |an |have (?:a
|an) )(?:\w+ )?(?:subscriber|member|account|registered)|not (?:a|yet a) (?:subscriber|member)|(?:don't
|do not) have an account
|you(?:'ve| have) (?:reached|read|used|viewed|\d+|one|two|three|no)\b.{{0,50}}\b(?:free|articles?|limit
|remaining)\b|you can (?:also )?(?:follow|unsubscribe|opt out|support (?:us|our)|donate|manage your|change your
|find us|reach us|contact us|email us)\b
|if you (?:want|don't want|do not want|would like|liked|like|enjoyed|enjoy|value|found|find|have|are|wish
|appreciate)\b.{{0,140}}\b(?:e-?mail (?:me|us)|contact (?:me|us)|subscrib\w+|share (?:it|this)|donat\w+|newsletter
|this blog|our (?:work|site|journalism|newsletter|channel|content)|support (?:us|our)|let us know|buy me)
|we (?:do not|don't) (?:accept|take|receive)\b.{{0,60}}(?:funding|advertis|corporat)|we (?:rely|depend) on (?:you
|your|our|reader|donations)|we need your (?:help|support)
|your (?:donation|contribution|support|subscription|gift|membership)s?\b.{{0,10}} (?:helps?|allows?|makes?|keeps?
|will|enables?|is|goes)\b.{{0,80}}
|(?:this|our) (?:site|blog|website|newsletter|journalism|publication|newsroom|work) (?:is|are) (?:reader|free
|protected|made possible|supported|funded|powered|only possible)|[\w .'&-]{{2,40}} is (?:a |an )?(?:reader|listener
|viewer|community|member)[- ](?:funded|supported|owned)
|[\w .'&-]{{2,40}} publish(?:es)? all (?:articles|content|posts)|(?:all |these |our |this )?(?:articles?|content
|material) (?:\w+ ){{0,4}}(?:may|can) (?:not )?be (?:freely )?(?:republished|reposted|reprinted|reproduced
|rewritten|redistributed)
|read in app|listen (?:to this article|on spotify|on apple)|buy (?:me|us) a coffee|(?:join
|sign up for) our\b.{{0,60}}|rate this|was this (?:article|page|post|helpful)\b.{{0,40}}|how would you rate
|(?:haz|haga|da|dé|pulsa|pincha|presiona)\b.{{0,4}} ?(?:clic|click|aquí|en)\b.{{0,80}}|(?:síguenos
|síganos)\b.{{0,80}}|sigue (?:a|las|toda|nuestr\w+)\b.{{0,60}}\b(?:en {_NETWORK}|canal|aquí|cuentas?)\b
|(?:suscríbete|suscríbase|regístrate|regístrese|apúntate|inscríbete|únete|únase)\b.{{0,100}}|(?:recibe
|reciba) (?:las|nuestr\w+|en tu|en su|todas|gratis|los|el)\b.{{0,100}}|(?:descarga|descargue) (?:nuestra|la
|gratis)\b.{{0,40}}app
|(?:comparte|comparta) (?:esta|este|la|tu|con)\b.{{0,80}}|(?:apoya|apoye) (?:el periodismo|nuestr\w+|a (?:este
|nuestro)|al periodismo)\b|(?:ayúdanos|ayúdenos)\b|(?:haz|haga) (?:una|tu|su) (?:donación|aportación)|deja (?:tu|un
|aquí) (?:comentario|opinión)
|(?:puedes?|pueden) (?:escribirnos|seguirnos|contactarnos|seguir (?:a|toda|las)|suscribir(?:se|te))\b.{{0,160}}
|escríbenos\b.{{0,60}}
|¿?quieres? (?:recibir|leer más|apoyar|suscribirte)\b.{{0,80}}|write an article and join\b.{{0,120}}
|gracias por (?:leer|suscribirte|visitar|tu (?:visita|apoyo|suscripción))|(?:lee|lea|leer|mira|consulta) (?:también
|además|aquí|más)\b.{{0,120}}|(?:también )?(?:te|le) (?:puede|podría) interesar\b.{{0,120}}|si te (?:gustó|interesa
|ha gustado|gusta)\b.{{0,80}}
|(?:activa|activar) las notificaciones|no te pierdas\b.{{0,80}}|(?:conoce|entérate|mantente
|infórmate)\b.{{0,60}}\b(?:nuestr\w+|canal|{_NETWORK}|boletín|aquí|app)\b
)""".replace("\n", "")
)
