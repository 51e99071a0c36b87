"""The floor: validates and answers, calls nobody."""

from facade import create_app

app = create_app(lambda _group: "06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83")
