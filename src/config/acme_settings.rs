//! The settings about certificates from a CA, as [`super::setting`] has the others.

use super::setting_form::{SWITCH, Setting};

/// Which CA.
pub const ACME_DIRECTORY: Setting = Setting {
    name: "acme_directory",
    placeholder: "CA",
    flag: Some("--acme-directory"),
    environment: &["ROLLING_ROUTER_ACME_DIRECTORY"],
    default: "",
    allowed: "`letsencrypt`, `letsencrypt-staging`, or the https URL of a CA's directory; needs `acme_terms_agreed`",
    meaning: "the CA that issues certificates for the hosts of apps with `certificate: \"acme\"`; unset: none is asked",
};

/// Whether the operator agrees to the CA's terms.
pub const ACME_TERMS_AGREED: Setting = Setting {
    name: "acme_terms_agreed",
    placeholder: SWITCH,
    flag: Some("--acme-terms-agreed"),
    environment: &["ROLLING_ROUTER_ACME_TERMS_AGREED"],
    default: "off",
    allowed: "`off` or `on`",
    meaning: "whether you agree to the terms of the CA",
};

/// Whom the CA tells of trouble.
pub const ACME_CONTACT: Setting = Setting {
    name: "acme_contact",
    placeholder: "MAIL,...",
    flag: Some("--acme-contact"),
    environment: &["ROLLING_ROUTER_ACME_CONTACT"],
    default: "",
    allowed: "mail addresses, separated by commas",
    meaning: "whom the CA tells of trouble with certificates",
};

/// An account that the operator has with the CA.
pub const ACME_EXTERNAL_ACCOUNT: Setting = Setting {
    name: "acme_external_account",
    placeholder: "FILE",
    flag: Some("--acme-external-account"),
    environment: &["ROLLING_ROUTER_ACME_EXTERNAL_ACCOUNT"],
    default: "",
    allowed: "a file with one line: the key id, a blank, and the HMAC key in base64url, as the CA gives them",
    meaning: "the account that you have with the CA, for one that asks for it (external account binding)",
};

/// Who signed the certificate of the CA's own server.
pub const ACME_CA: Setting = Setting {
    name: "acme_ca",
    placeholder: "FILE",
    flag: Some("--acme-ca"),
    environment: &["ROLLING_ROUTER_ACME_CA"],
    default: "",
    allowed: "a PEM file with the certificates that `acme_directory` may come from",
    meaning: "whom to trust as the CA's server, in place of the machine's certificates",
};

/// How it is shown that a host leads here.
pub const ACME_CHALLENGES: Setting = Setting {
    name: "acme_challenges",
    placeholder: "KIND,...",
    flag: Some("--acme-challenges"),
    environment: &["ROLLING_ROUTER_ACME_CHALLENGES"],
    default: "http-01,tls-alpn-01",
    allowed: "`http-01` (the CA asks on port 80), `tls-alpn-01` (on port 443), or both, separated by a comma",
    meaning: "how the CA sees that a host leads here; of both, the first is tried first",
};

/// How often it is asked.
pub const ACME_ORDERS_PER_WEEK: Setting = Setting {
    name: "acme_orders_per_week",
    placeholder: "N",
    flag: Some("--acme-orders-per-week"),
    environment: &["ROLLING_ROUTER_ACME_ORDERS_PER_WEEK"],
    default: "40",
    allowed: "a whole number from 1 to 100000",
    meaning: "how many certificates are ordered for one registered domain (`example.co.uk`) within seven days",
};
