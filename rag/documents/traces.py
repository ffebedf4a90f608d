"""Traces that templates leave at the edges of an article, told by their form: credits, time stamps, author boxes.

Patterns see the *key* of a line (see `phrases`) unless their name ends in `_TEXT`, which see the line as it is written.
They are only tried on lines of at most `MOST` characters: some take time that grows faster than the line.
"""

from __future__ import annotations

import re

MOST = 600
_MOST_OF_A_LABEL = 200


def is_counter(key: str) -> bool:
    return len(key) <= _MOST_OF_A_LABEL and bool(_COUNTER.fullmatch(key))


def is_closing(key: str) -> bool:
    return len(key) <= _MOST_OF_A_LABEL and bool(_CLOSING.fullmatch(key))


def is_remark(key: str) -> bool:
    return len(key) <= _MOST_OF_A_LABEL and bool(_REMARK.fullmatch(key))


def says_where_to_write(key: str) -> bool:
    return "@" in key and len(key) <= _MOST_OF_A_LABEL and bool(_WRITE_TO.fullmatch(key))


_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?|enero|ene|febrero|marzo|abril|abr|mayo|junio|julio|agosto|ago|septiembre|octubre"
    r"|noviembre|diciembre|dic)\.?"
)
_WEEKDAY = r"(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun)(?:day|nesday|sday|rsday|urday)?"
_AGO = (
    r"(?:just now|yesterday|\d+ ?(?:s|m|h|d|w|mo|y|secs?|mins?|hrs?|minutes?|hours?|days?|weeks?|months?"
    r"|years?)(?: ago)?"
    r"|hace \d+ \w+)"
)
_CLOCK = r"\d{1,2}[:.]\d\d(?::\d\d)?(?: ?[ap]\.? ?m\.?)?"

# Nothing but figures, times and their units: "412", "0 27", "61°", "01:12", "1.2k posts", "4d", "2 hours ago", "+6".
_COUNTER = re.compile(
    r"[+#$€£]?\d[\d.,]* ?[km%°]?[cf]?(?:\s[+#$€£]?\d[\d.,]* ?[km%°]?[cf]?){0,4}"
    rf"|{_AGO}|{_CLOCK}(?: / {_CLOCK})?"
    r"|\(?[\d.,]+k?\)? (?:posts?|comments?|replies|likes?|restacks?|claps?|responses?|followers?|following"
    r"|members?|views?"
    r"|viewing now|subscribers?|reactions?|votes?|shares?|photos?|videos?|min|mins|minutes?|second listen"
    r"|minute listen)"
    r"|\d+[- ]min(?:ute)?s?[- ](?:listen|watch|video|audio|read|de lectura)|(?:over "
    r"|más de )?[\d.,]+k? (?:subscribers?|suscriptores)"
    r"|(?:view|see|read|ver|leer|hide) (?:all )?(?:[\d.,]+k? )?(?:comments?|comentarios|replies)(?: \(\d+\))?"
    r"|\(?[\d.,]+k?\)? (?:comments?|comentarios?)"
    r"|(?:[\w&/]+ ){0,3}[\d.,]+ [+−-]?[\d.,]+%?.{0,3}"
)
_ROLE = (
    r"(?:reporter|writer|journalist|correspondent|editor|columnist|author|fellow|contributor|researcher|professor"
    r"|analyst|photographer|producer|anchor|freelancer?|blogger|intern|bureau chief|historian|lecturer|novelist"
    r"|reporter[oa]|periodista|redactora?|corresponsal|editora?|columnista|colaboradora?|fotógraf[oa]|investigadora?"
    r"|analista|escritora?|profesora?|egresad[oa]|jef[ea] de)"
)
# "Ana Ruiz is a reporter for the Post", "Reportera egresada de …", "I write about …", "Ruiz covers courts for …".
BIOGRAPHY = re.compile(
    rf"(?:[^.!?\"]{{3,60}}? (?:is|was|es|fue|has been|works as|joined|ha sido)\b[^.!?\"]{{0,90}}?\b{_ROLE}s?\b.*"
    rf"|[^.!?\"]{{3,60}}? (?:covers|reports on|writes (?:about|on|for)|has covered|is based in|cubre"
    rf"|escribe (?:sobre|en|para)"
    rf"|covered)\b(?! the (?:cost|first))[^\"]{{4,}}"
    rf"|(?:es |is )?(?:an? |una? )?(?:[\w-]+ )?{_ROLE}\b (?:at|for|of|in|with|en|de|del|egresad)\b.*"
    rf"|(?:i|yo) (?:write|cover|report|escribo|cubro)\b.*)",
    re.DOTALL,
)
# Who else worked on the story: the line under the last paragraph.
CONTRIBUTED = re.compile(
    r"[^\"]{3,160}\bcontributed (?:reporting|to this (?:report|story|article|post))\b.{0,60}"
    r"|[^\"]{3,80} reported from [^\"]{3,60}(?:\. .{3,80} reported from .{3,60})?"
    r"|(?:additional )?(?:reporting|writing|editing|compiled|translated|edited|translation"
    r"|production) by [^\"]{3,160}"
    r"|con información de .{2,80}|(?:with )?(?:files|information|reporting) from .{2,60}|(?:this (?:story|article"
    r"|report) "
    r"(?:was|is|has been|first|originally)|a version of this (?:story|article)) (?:\w+ ){0,3}(?:published|appear"
    r"|appeared|appears|produced"
    r"|updated|corrected|written|republished|part of|translated|first published)\b.*|our standards: .*"
    r"|(?:end of )?(?:story|article) (?:ends|end)|the associated press contributed.{0,60}"
)
# What a picture's caption ends with.
CREDIT_AT_END_TEXT = re.compile(
    r"(?:[(\[](?:[^()\[\]]{0,60}\b)?(?:AP|AFP|AP Photo|Reuters|REUTERS|EFE|EPA|Getty|Photo|photo|photos|Image|Foto"
    r"|foto|Courtesy"
    r"|courtesy|Cortesía|file|archivo|Handout|Shutterstock|Xinhua|Cuartoscuro)\b[^()\[\]]{0,80}[)\]]\.?"
    r"|(?:^|[.!?”\"’)]\s|\s)(?:Photo(?:graph)?s?|Image|Picture|Foto|Fotografía|Imagen|Crédito|Credit|Courtesy"
    r"|Cortesía|Video|Illustration)s?"
    r"(?: (?:by|via|credit|courtesy|courtesy of|de|por))?:?\s[^.:!?]{2,70}"
    r"|\b(?:AP Photo|REUTERS|AFP|Reuters|EFE|Xinhua|EPA|Bloomberg|Getty Images|Getty|Alamy|Shutterstock|WireImage"
    r"|UPI)\s?/\s?[^.]{2,60}"
    r"|(?:[^.\s]+\s){1,4}[^.\s]*/\s?(?:[A-Z][\w ]{1,30})|[^.]{2,60},? via (?:AP|AFP|Agence France-Presse|Reuters"
    r"|REUTERS|Getty(?: Images)?|EPA"
    r"|Associated Press|The Associated Press|X|Facebook|Shutterstock|Wikimedia Commons))(?:\s(?:Purchase"
    r"|Acquire) .{0,60})?$"
)
# Only the name of who took a picture: "ERIN MADDOX/Grant Ledger", "Security Ministry, via Agence France-Presse".
_CAP = r"[A-ZÁÉÍÓÚÑÜ][\w’'.&-]*"
CREDIT_ALONE_TEXT = re.compile(
    rf"(?:{_CAP} ){{1,4}}\((?:EFE|AP|AFP|REUTERS|Reuters|EPA|Getty(?: Images)?|Cuartoscuro|NurPhoto)\)"
    rf"|(?:{_CAP}(?: de| del| von| van)? ){{1,3}}{_CAP}\s?/\s?(?:{_CAP} ?){{1,5}}(?:/\s?(?:{_CAP} ?){{1,5}}){{0,3}}"
    rf"|(?:STR|Handout|HANDOUT|Pool|Staff)\s?/\s?(?:{_CAP} ?){{1,5}}"
)
IN_THE_PICTURE = re.compile(
    r"(?:in (?:this|an?|the) (?:[\w.,'-]+ ){0,6}(?:photo|image|picture|frame|screengrab|photograph)\b.*"
    r"|(?:\[?\d+ ?(?:of|/|de) ?\d+\]?|item \d+ of \d+)(?: ?\|)? ?.+|.*\(pictured(?:[^()]{0,30})?\).*|(?:pictured"
    r"|above|left|from left|top)[:,].*"
    r"|imagen (?:ilustrativa|de archivo|tomada).*|.*\bhide caption\b.*)",
    re.DOTALL,
)
# After one of these lines an article does not go on: what follows belongs to the page.
_CLOSING = re.compile(
    r"(?:\(?\d*\)? ?)?(?:comments?|comentarios?|responses?|replies|discussion|conversation"
    r"|discussion about this post)(?: ?\(?\d+\)?)?"
    r"|(?:read |view |see |ver )?(?:all )?\(?[\d.,]+k?\)? (?:comments?|comentarios?|responses?|replies"
    r"|thoughts? on .*)"
    r"|(?:leave|post|write|add) a (?:reply|comment|response)\b.*|deja (?:un|una|tu) (?:comentario|respuesta)\b.*"
    r"|share or comment on this\b.{0,160}|end of (?:story|article)"
    r"|(?:tags?|tagged|labels|etiquetas|topics?|related topics|suggested topics|explore more on these topics"
    r"|temas(?: relacionados)?"
    r"|archivado en|filed under|filed in|categories|categorías|in this (?:article|story))\b.{0,200}"
    r"|(?:recent|popular|top|latest|related|recommended|more) (?:posts?|stories|articles|news|videos"
    r"|content)\b.{0,30}"
    r"|(?:artículos|notas|noticias|contenidos?) (?:relacionad[oa]s|recientes|recomendad[oa]s)"
    r"|(?:most|más|lo más) (?:read|viewed|popular|watched|leíd[oa]s?|vist[oa]s?)\b.{0,30}|(?:previous"
    r"|next)(?: (?:article|post|story))?"
    r"|artículo (?:anterior|siguiente)|(?:more|more stories|most recent) (?:from|by|in|on)\b.{1,60}|más (?:de|del"
    r"|en)\b.{1,40}"
    r"|(?:about|written by|sobre)(?: the| la| el)? (?:author|writer|autora?|firma|.{3,40})|recommended(?: for you"
    r"| from .*)?|sponsored stories"
    r"|(?:read|up) next|recomendaciones.*|(?:copyright|©|\(c\)).{0,160}|all rights reserved.*|todos los derechos.*"
    r"|site index|footer menu"
    r"|(?:this entry|this article) was (?:posted|filed).*|editor'?s?'? picks?|reuse this content|rate this"
)
# The page speaks to its reader. An essay says "we" and "you" too, so the pronouns alone say little.
TO_THE_READER = re.compile(
    r"\b(?:you|your|yours|we|our|ours|us|tu|tus|te|usted|nuestr[oa]s?|nosotros|i agree|join|become)\b"
)
ABOUT_THE_PAGE = re.compile(
    r"\b(?:subscri(?:be|ber|bers|bed|ption|ptions)|newsletters?|sign(?:ed)? up|inbox|log ?in|cookies|click|tap"
    r"|websites?|this site"
    r"|password|e-?mail address|account|download|notifications?|(?:our|your) (?:journalism|newsroom|readers|app"
    r"|support|website|work)|members?hip"
    r"|free of charge|donat(?:e|ion)s?|become a|advert\w*|paywall|caps lock|moderated|browser|suscri\w+|boletín"
    r"|inicia sesión"
    r"|correo electrónico|contraseña|publicidad|haz clic|este sitio|dispositivo|breaking news|latest news"
    r"|stay informed|\.gov websites?"
    r"|privacy policy|terms of)\b"
)
# What a button or a link says that is no sentence: "Get more from the Grant Ledger".
BUTTON = re.compile(
    r"(?:add|get|see|view|read|watch|listen|sign|join|follow|share|subscribe|download|click|tap|find|explore"
    r"|discover|browse"
    r"|submit|send|contact|report|manage|create|write|republish|order|support|give|donate|stay|story continues"
    r"|why you can trust"
    r"|ver|descarga|suscr[ií]bete|suscríbase|síguenos|únete|comparte|escucha|quiero|recibe|apoya)\b(?! (?:the|el"
    r"|la|los|las) )"
)
# The past tense and the verbs of reports: what a news story has and a notice to the reader mostly has not.
TELLING = re.compile(
    r"\b(?:said|says|told|wrote|according to|was|were|had|did|denied|accused|found|began|dijo|afirmó|según|fue"
    r"|fueron|era|había|informó"
    r"|[a-z]{3,}ó)\b"
)
# A line that gives an address to write to: "Reach her at ana@example.org", "Tips: @ana".
_WRITE_TO = re.compile(
    r"(?:.*\b(?:e-?mail|contact|reach|follow|write to|tips?|letters?|escr[ií]b\w*|correo"
    r"|contáct\w*)\b.*)?\S*@[\w.-]+\S*\.?"
    r"|(?:e-?mail|contact|reach|follow|have|do you|got)\b.{0,120}\S*@\w\S*"
)
# What readers leave below an article, and the buttons beside it.
_REMARK = re.compile(
    rf"(?:reply|responder|quote|report|like|me gusta(?: · responder)?|reply delete|delete|liked by .{{2,40}}"
    rf"|click to rate|upvote|downvote"
    rf"|.{{1,40}} (?:says?|said|dice|dijo|commented|wrote)(?:[:.…]*| .{{0,20}}\d{{4}}.{{0,20}})|report abuse"
    rf"|.{{0,40}}\b{_AGO}|.{{0,30}}{_MONTH} \d{{1,2}}(?:, \d{{4}})?,? (?:at )?{_CLOCK}.{{0,8}})"
)
