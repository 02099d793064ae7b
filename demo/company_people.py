"""The people, shared mailboxes and rooms of the demo company."""

from localgraph.builder import TenantBuilder

_DOMAIN = "alderleaf.example"

# local part, given name, surname, display name (or None), department, title, office, country
_PEOPLE = """
emily.carter|Emily|Carter||Board|Managing director|Bristol|GB
haruto.sato|Haruto|Sato|佐藤 陽翔|Board|Director Japan|Osaka|JP
niamh.o'brien|Niamh|O'Brien||IT|Head of IT|Bristol|GB
tomasz.kowalczyk|Tomasz|Kowalczyk||IT|Identity engineer|Gdańsk|PL
priya.raman|Priya|Raman||IT|Messaging engineer|Bristol|GB
jack.whitlock|Jack|Whitlock||IT|Service desk|Bristol|GB
yui.tanaka|Yui|Tanaka|田中 結衣|IT|Service desk|Osaka|JP
piotr.zielinski|Piotr|Zieliński||Finance|Accountant|Gdańsk|PL
sarah.denholm|Sarah|Denholm||Finance|Head of finance|Bristol|GB
george.abiola|George|Abiola||Finance|Payroll|Bristol|GB
magdalena.wójcik|Magdalena|Wójcik||People|HR partner|Gdańsk|PL
owen.pritchard|Owen|Pritchard||People|Head of people|Bristol|GB
hannah.becker|Hannah|Becker||Sales|Account manager|Bristol|GB
liam.doyle|Liam|Doyle||Sales|Account manager|Bristol|GB
ren.yamamoto|Ren|Yamamoto|山本 蓮|Sales|Account manager|Osaka|JP
katarzyna.nowak|Katarzyna|Nowak||Sales|Head of sales|Gdańsk|PL
ibrahim.saleh|Ibrahim|Saleh||Research|Optics|Bristol|GB
freya.lindqvist|Freya|Lindqvist||Research|Firmware|Bristol|GB
aoi.nakamura|Aoi|Nakamura|中村 葵|Research|Optics|Osaka|JP
marek.dabrowski|Marek|Dąbrowski||Production|Shift lead|Gdańsk|PL
dave.holt|Dave|Holt||Warehouse|Shift lead|Avonmouth|GB
chloe.marsh|Chloe|Marsh||Warehouse|Dispatch|Avonmouth|GB
zofia.krol|Zofia|Król||Production|Quality|Gdańsk|PL
rhys.morgan|Rhys|Morgan||Support|Field service|Bristol|GB
"""
_ROLES = {
    "niamh.o'brien": ("Global Administrator",),
    "tomasz.kowalczyk": ("Conditional Access Administrator", "User Administrator"),
    "priya.raman": ("Exchange Administrator",),
    "jack.whitlock": ("Helpdesk Administrator",),
}
_ELIGIBLE = {"tomasz.kowalczyk": ("Global Administrator",), "yui.tanaka": ("Helpdesk Administrator",)}


def add_people(build: TenantBuilder) -> None:
    """Adds them."""
    for number, line in enumerate(_PEOPLE.strip().splitlines()):
        local_part, given, surname, shown, department, title, office, country = line.split("|")
        build.user(
            f"{_ascii(local_part)}@{_DOMAIN}",
            name=shown or f"{given} {surname}",
            mfa="enabled" if local_part == "piotr.zielinski" else "disabled",
            groups=["All staff", department],
            roles=_ROLES.get(local_part, ()),
            eligible_roles=_ELIGIBLE.get(local_part, ()),
            methods=("authenticator", "fido2") if department == "IT" else (("authenticator", "phone")[number % 2],),
            givenName=given,
            surname=surname,
            department=department,
            jobTitle=title,
            officeLocation=office,
            country=country,
            usageLocation=country,
            employeeType="Employee",
            onPremisesSyncEnabled=True,
            createdDateTime=f"20{14 + number % 11}-0{1 + number % 9}-{10 + number % 18}T08:00:00Z",
        )
    for address, name in (("info", "Alderleaf info"), ("careers", "Careers")):
        build.user(f"{address}@{_DOMAIN}", name=name, enabled=False, mailbox="shared")
    for address, name in (("room-brunel", "Room Brunel"), ("room-osaka-2", "会議室 2")):
        build.user(f"{address}@{_DOMAIN}", name=name, enabled=False, mailbox="room", isResourceAccount=True)


def _ascii(local_part: str) -> str:
    """User principal names have no accents."""
    return local_part.replace("ó", "o")
