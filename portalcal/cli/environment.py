"""The environment variables that portalcal reads, for the help. Each with one line; no other module lists them all."""

VARIABLES = {
    "PORTALCAL_WORKSPACE": "as --workspace",
    "PORTALCAL_CONFIG": "as --config",
    "PORTALCAL_ACTOR": "as --actor",
    "PORTALCAL_NO_INPUT": "1: as --no-input",
    "PORTALCAL_READ_ONLY": "1: as --read-only",
    "PORTALCAL_ACCESS_TOKEN": "an access token, in place of a connection",
    "PORTALCAL_REFRESH_TOKEN": "a refresh token, in place of a connection",
    "PORTALCAL_VAULT_PASSPHRASE": "the passphrase of the vault file",
    "PORTALCAL_VAULT_PASSPHRASE_FILE": "a file that holds that passphrase",
    "PORTALCAL_VAULT_TIMEOUT": "seconds that the keyring may take; 5",
    "HTTPS_PROXY": "the proxy on the way to Google; NO_PROXY",
    "REQUESTS_CA_BUNDLE": "the authorities to trust, or CURL_CA_BUNDLE",
    "BROWSER": "the browser to open",
    "TZ": "this machine's zone",
    "COLUMNS": "the width of the output",
    "NO_COLOR": "no colour; FORCE_COLOR: colour in a pipe",
}
"""What each variable is for, by its name. The pages that list them align the columns."""
