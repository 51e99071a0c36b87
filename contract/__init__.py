"""The contract as documents, written from the code: function/openapi.json and docs/problems.md.
Nothing of this ships.
"""
