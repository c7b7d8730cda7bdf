#!/usr/bin/env python3
"""How many of the cases of a corpus the detectors of `redact` and those of Presidio get right, as a table of Markdown.

    pip install presidio-analyzer       # without it, ours alone
    tests/peers/detectors.py

The cases are the ones that Presidio tests its recognisers with (`LOCKGATE_CORPORA`, or else ../shared/corpora). For each class only the
detectors of that class look at its texts, on either side. What is found counts where beginning and end are exactly those of the case. Of
Presidio only the recognisers are asked, with what they are set to, at any score; there is no model of a language, and no word of the context.
"""

import importlib
import json
import os
import pathlib
import pkgutil
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CORPORA = pathlib.Path(os.environ.get("LOCKGATE_CORPORA", REPOSITORY / "../shared/corpora"))

# What ours and theirs have in common, by the names on either side.
ENTITIES = {
    "au-abn": "AU_ABN",
    "au-acn": "AU_ACN",
    "au-medicare": "AU_MEDICARE",
    "au-tfn": "AU_TFN",
    "de-id-card": "DE_ID_CARD",
    "de-tax-id": "DE_TAX_ID",
    "email": "EMAIL_ADDRESS",
    "es-dni": "ES_NIF",
    "es-nie": "ES_NIE",
    "fi-hetu": "FI_PERSONAL_IDENTITY_CODE",
    "iban": "IBAN_CODE",
    "in-aadhaar": "IN_AADHAAR",
    "in-gstin": "IN_GSTIN",
    "in-pan": "IN_PAN",
    "ip-address": "IP_ADDRESS",
    "it-codice-fiscale": "IT_FISCAL_CODE",
    "kr-rrn": "KR_RRN",
    "mac-address": "MAC_ADDRESS",
    "payment-card": "CREDIT_CARD",
    "phone": "PHONE_NUMBER",
    "pl-pesel": "PL_PESEL",
    "se-personnummer": "SE_PERSONNUMMER",
    "sg-nric": "SG_NRIC_FIN",
    "th-tnin": "TH_TNIN",
    "tr-tckn": "TR_NATIONAL_ID",
    "uk-nhs": "UK_NHS",
    "uk-nino": "UK_NINO",
    "us-itin": "US_ITIN",
    "us-ssn": "US_SSN",
}
# Classes of the corpus, and what of ours is to find them.
CLASSES = {
    "au_acn": "au-acn",
    "au_tfn": "au-tfn",
    "de_id_card": "de-id-card",
    "de_tax_id": "de-tax-id",
    "es_nie": "es-nie",
    "iban": "iban",
    "in_gstin": "in-gstin",
    "mac": "mac-address",
    "ph_mobile_number": "phone",
    "phone": "phone",
    "sg_fin": "sg-nric",
    "th_tnin": "th-tnin",
    "tr_national_id": "tr-tckn",
    "uk_nhs": "uk-nhs",
    "us_itin": "us-itin",
    "us_ssn": "us-ssn",
}
# How lenient a phone number is read, where a case is not about what Presidio does unless told otherwise.
LENIENCY = 1


def cases(tables):
    """Text, and the spans that are expected in it, or their number; each text once."""
    seen = set()
    for table in tables:
        for row in table["rows"]:
            row = dict(zip(table["columns"], row))
            text = row.get("text", row.get("iban"))
            if text not in seen and row.get("leniency", LENIENCY) == LENIENCY:
                seen.add(text)
                yield text, expected(row)


def expected(row):
    for column in ("expected_positions", "expected_res"):
        if column in row:
            return {tuple(span) for span in row[column]}
    count = row.get("expected_len", 1)
    if count == 1 and "expected_position" in row:
        return {tuple(row["expected_position"])}
    return count


def score(rows):
    """Right ones, wrong ones, and those that were not found."""
    right = wrong = missed = 0
    for wanted, found in rows:
        hits = min(wanted, len(found)) if isinstance(wanted, int) else len(wanted & found)
        right += hits
        wrong += len(found) - hits
        missed += (wanted if isinstance(wanted, int) else len(wanted)) - hits
    return right, wrong, missed


def ours(questions):
    """What our detectors of some kinds find in each text, all asked at once: beginnings, ends and kinds."""
    command = ["cargo", "run", "--release", "--quiet", "--package", "lockgate-plugin-redact", "--example", "detect"]
    lines = "".join(f"{json.dumps(kinds)}\t{json.dumps(text)}\n" for kinds, text in questions)
    answers = subprocess.run(command, input=lines, stdout=subprocess.PIPE, check=True, text=True, cwd=REPOSITORY).stdout
    return [json.loads(line) for line in answers.splitlines()]


def recognisers():
    """Presidio's, by entity; none where it is not installed."""
    try:
        from presidio_analyzer import PatternRecognizer, predefined_recognizers
    except ImportError:
        return {}
    by_entity = {}
    for folder in ("generic", "country_specific"):
        package = importlib.import_module(f"{predefined_recognizers.__name__}.{folder}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, kind in list(vars(importlib.import_module(module.name)).items()):
                is_recogniser = isinstance(kind, type) and issubclass(kind, PatternRecognizer) and kind is not PatternRecognizer
                if is_recogniser or name == "PhoneRecognizer":
                    recogniser = kind()
                    for entity in recogniser.supported_entities:
                        by_entity.setdefault(entity, recogniser)
    return by_entity


def theirs(recogniser, text):
    hits = recogniser.analyze(text, recogniser.supported_entities, None)
    return {(hit.start, hit.end) for hit in hits if hit.score > 0}


def percent(part, other):
    return f"{100 * part / (part + other):.0f} %" if part + other else "-"


def columns(sides):
    return " | ".join(f"{percent(right, wrong)} | {percent(right, missed)}" for right, wrong, missed in sides)


def hits_and_misses(presidio):
    corpus = json.loads((CORPORA / "pii-presidio-cases/cases.json").read_text())
    print("| class | detector | cases | ours: precision | recall | Presidio: precision | recall |")
    print("|---|---|---|---|---|---|---|")
    for name, kind in CLASSES.items():
        rows = list(cases(corpus[name]))
        found = ours([([kind], text) for text, _ in rows])
        sides = [score((wanted, {(start, end) for start, end, _ in spans}) for (_, wanted), spans in zip(rows, found))]
        if presidio:
            sides.append(score((wanted, theirs(presidio[ENTITIES[kind]], text)) for text, wanted in rows))
        print(f"| `{name}` | `{kind}` | {len(rows)} | {columns(sides)} |")


def strings(document):
    """The texts of a JSON document, member names too."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for item in document:
            yield from strings(item)
    elif isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from strings(value)


def noise(presidio):
    texts = []
    for path in sorted((CORPORA / "openapi-readme").rglob("*")):
        if path.suffix == ".json":
            texts += strings(json.loads(path.read_text()))
        elif path.suffix == ".yaml":
            texts += path.read_text().splitlines()
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"\n{len(texts)} texts of OpenAPI documents, {size:.1f} MB: what is found in them, texts that repeat counted once\n")
    print("| detector | ours | Presidio |")
    print("|---|---|---|")
    texts = sorted(set(texts))
    found = [kind for spans in ours([(list(ENTITIES), text) for text in texts]) for _, _, kind in spans]
    for kind, entity in ENTITIES.items():
        mine = found.count(kind)
        their = sum(len(theirs(presidio[entity], text)) for text in texts) if presidio else "-"
        if mine or their not in (0, "-"):
            print(f"| `{kind}` | {mine} | {their} |")


if __name__ == "__main__":
    known = recognisers()
    hits_and_misses(known)
    noise(known)
