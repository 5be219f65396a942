//! The settings about endpoints: which may be one, and how they are found and spoken with.

use super::setting_form::Setting;

/// Whether releases may live on this machine.
pub const LOOPBACK_ENDPOINTS: Setting = Setting {
    name: "loopback_endpoints",
    placeholder: "allow|refuse",
    flag: Some("--loopback-endpoints"),
    environment: &["ROLLING_ROUTER_LOOPBACK_ENDPOINTS"],
    default: "allow",
    allowed: "`allow` or `refuse`",
    meaning: "whether loopback addresses may be endpoints",
};

/// Where sockets in the file system may be endpoints.
pub const ENDPOINT_SOCKETS: Setting = Setting {
    name: "endpoint_sockets",
    placeholder: "FOLDER,...",
    flag: Some("--endpoint-sockets"),
    environment: &["ROLLING_ROUTER_ENDPOINT_SOCKETS"],
    default: "",
    allowed: "absolute paths of folders, such as `/run/apps`, separated by commas",
    meaning: "folders below which sockets (`unix:/path`) may be endpoints, after links are followed; unset: none",
};

/// Who is asked for endpoints by name.
pub const RESOLVER: Setting = Setting {
    name: "resolver",
    placeholder: "ADDR,...",
    flag: Some("--resolver"),
    environment: &["ROLLING_ROUTER_RESOLVER"],
    default: "",
    allowed: "addresses of name servers such as `10.0.0.2` or `10.0.0.2:8600`, separated by commas",
    meaning: "who is asked for endpoints by name, after /etc/hosts; unset: the name servers of /etc/resolv.conf",
};

/// What is shown to endpoints that ask for a certificate.
pub const UPSTREAM_CERTIFICATES: Setting = Setting {
    name: "upstream_certificates",
    placeholder: "FOLDER",
    flag: Some("--upstream-certificates"),
    environment: &["ROLLING_ROUTER_UPSTREAM_CERTIFICATES"],
    default: "",
    allowed: "a folder of files NAME.pem, in each a certificate, the intermediate ones and the private key, not encrypted",
    meaning: "the client certificates that apps name in `upstream_tls.certificate`; a file is read again when it has changed",
};
