"""The browser round trip of OAuth consent: flow, callback server, page, paste."""
