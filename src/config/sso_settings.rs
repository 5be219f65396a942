//! The settings about signing in by a proxy's header, as [`super::setting`] has the others.

use super::setting_form::Setting;

/// In which header the proxy says who somebody is.
pub const ADMIN_SSO_HEADER: Setting = Setting {
    name: "admin_sso_header",
    placeholder: "NAME",
    flag: Some("--admin-sso-header"),
    environment: &["ROLLING_ROUTER_ADMIN_SSO_HEADER"],
    default: "",
    allowed: "a header's name such as X-Forwarded-User; needs `admin_sso_networks`, `admin_sso_secret_file` and `admin_sso_roles`",
    meaning: "the header in which a proxy that signs people in tells the admin port who they are; unset: nobody signs in so",
};

/// In which header it says to which groups they belong.
pub const ADMIN_SSO_GROUPS_HEADER: Setting = Setting {
    name: "admin_sso_groups_header",
    placeholder: "NAME",
    flag: Some("--admin-sso-groups-header"),
    environment: &["ROLLING_ROUTER_ADMIN_SSO_GROUPS_HEADER"],
    default: "",
    allowed: "a header's name such as X-Forwarded-Groups; needs `admin_sso_header`",
    meaning: "the header in which that proxy tells their groups, separated by commas",
};

/// Where the proxy is.
pub const ADMIN_SSO_NETWORKS: Setting = Setting {
    name: "admin_sso_networks",
    placeholder: "NETWORK,...",
    flag: Some("--admin-sso-networks"),
    environment: &["ROLLING_ROUTER_ADMIN_SSO_NETWORKS"],
    default: "",
    allowed: "addresses or networks such as `10.0.0.7` or `fd00::/8`, separated by commas; an endpoint's address never counts",
    meaning: "where that proxy connects from",
};

/// By what it is known beside that.
pub const ADMIN_SSO_SECRET_FILE: Setting = Setting {
    name: "admin_sso_secret_file",
    placeholder: "FILE",
    flag: Some("--admin-sso-secret-file"),
    environment: &["ROLLING_ROUTER_ADMIN_SSO_SECRET_FILE"],
    default: "",
    allowed: "a file with 1 to 4 lines, each a secret of 20 to 512 visible ASCII characters without blanks",
    meaning: "what that proxy sends in X-Rolling-Router-Sso-Secret; each of the lines counts",
};

/// What they may do.
pub const ADMIN_SSO_ROLES: Setting = Setting {
    name: "admin_sso_roles",
    placeholder: "WHO=ROLE,...",
    flag: Some("--admin-sso-roles"),
    environment: &["ROLLING_ROUTER_ADMIN_SSO_ROLES"],
    default: "",
    allowed: "`NAME=ROLE`, `group:NAME=ROLE` or `*=ROLE` for everybody else, separated by commas; a role is viewer, ci, operator or \
              admin, for `*` not admin",
    meaning: "what those people may do; whom it gives no role does not come in",
};
