"""`python -m reportnlp_api api/openapi.json` writes the contract anew, after a change that is meant."""

import sys
from pathlib import Path

from reportnlp_api import Settings, contract, create_app

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(contract.shown(create_app(Settings())), encoding="utf-8")
