#!/bin/sh
# Installs other people's UserSig libraries beside this file: npm and PyPI tls-sig-api-v2, in the locked versions.
# crates/usersig/tests/interop.rs runs them. Done once; again when a lock has changed.
set -eu
cd "$(dirname "$0")"

want=$(cat package-lock.json requirements.txt | cksum)
if [ -x .venv/bin/python ] && [ -d node_modules/tls-sig-api-v2 ] && [ "$(cat .venv/prepared 2>/dev/null)" = "$want" ]; then
    exit 0
fi

need() {
    command -v "$1" >/dev/null || { echo "$1 is missing: apt-get install $2" >&2; exit 1; }
}
need node nodejs
need npm npm
need python3 python3-venv

echo "== UserSig libraries"
npm ci --no-audit --no-fund --loglevel=error
rm -rf .venv
python3 -m venv .venv || { rm -rf .venv; echo "python3 cannot make a venv: apt-get install python3-venv" >&2; exit 1; }
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
echo "$want" > .venv/prepared
