//! The settings of an app, as the GUI makes its controls from them: title, unit, range and description of each. Types and
//! ranges stand here once more for that; `rollout::settings::schema` holds them to what is enforced. Defaults are the real
//! ones.

use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema, openapi::RefOr};

use crate::rollout::settings::Settings as Enforced;

/// Stands for an app's settings wherever an answer has them as JSON.
pub struct Settings;

/// What a setting can be.
enum Kind {
    Flag,
    FlagOrNull,
    /// From, to.
    Whole(i64, i64),
    WholeOrNull(i64, i64),
    PercentOrNull,
    /// From, to; fractions too.
    Number(f64, f64),
    /// The most characters.
    Text(usize),
    TextOrNull(Option<usize>),
    /// A regular expression, and the most characters.
    Pattern(&'static str, usize),
    /// The most items, and the most characters of one.
    Texts(usize, Option<usize>),
    /// The most items, and the most characters of one. An item is a line with spaces in it.
    Lines(usize, usize),
    Words(&'static [&'static str]),
    WordsOrNull(&'static [&'static str]),
}

use Kind::{
    Flag, FlagOrNull, Lines, Number, Pattern, PercentOrNull, Text, TextOrNull, Texts, Whole, WholeOrNull,
    Words, WordsOrNull,
};

/// Groups of settings: name, title, description.
const GROUPS: &[(&str, &str, &str)] = &[
    (
        "cookie",
        "Pin cookie",
        "The attributes of the pin cookie. `HttpOnly` is always set; the `Path` is `/`, or what the app's path prefixes have in common.",
    ),
    ("assets", "Fingerprinted assets", "Files whose name changes with their content. They carry no pin."),
    ("health", "Health checks", "How endpoints are checked."),
    ("shielding", "Shielding", "Stable answers the requests that the candidate fails."),
    ("verdict", "Verdict", "How the candidate is judged beside stable, and what happens if it is worse."),
    (
        "shadow",
        "Shadow",
        "Requests of stable's users that are repeated at both releases, to find what the candidate answers differently.",
    ),
    (
        "client_certificates",
        "Client certificates",
        "Whether clients show a certificate in the TLS handshake. Endpoints are told of it by the header Client-Cert (RFC 9440).",
    ),
    (
        "hsts",
        "Strict transport security",
        "What browsers that come by https are told, so that they never come by http again.",
    ),
    (
        "upstream_tls",
        "TLS to endpoints",
        "How endpoints prove who they are where they are spoken with in TLS. Without a valid certificate nothing is sent to them.",
    ),
    (
        "headers",
        "Header rules",
        "Header lines that are set, added or removed on the way, such as `set X-Frame-Options: DENY` or `remove Server`.",
    ),
    (
        "error_pages",
        "Error pages",
        "The app's own HTML for what the router answers itself, for browsers. Not set: the router's page.",
    ),
    (
        "compression",
        "Compression",
        "Which responses are compressed for clients that take it. Pages that show secrets beside what a stranger can put into them should not be: see BREACH.",
    ),
    (
        "timeouts",
        "Time-outs",
        "How long endpoints and clients may take. Not set: the router's limit of that name.",
    ),
    (
        "override",
        "Override header",
        "A header that sends requests from some networks to a release of their choice.",
    ),
];

/// Single settings: path, title, what they can be, unit, description.
#[rustfmt::skip]
const SETTINGS: &[(&str, &str, Kind, &str, &str)] = &[
    ("hosts", "Hosts", Texts(1_000, None), "",
     "The host names that the app claims: exact ones, or wildcards such as `*.shop.example`. The first app that claims a host keeps it."),
    ("paths", "Path prefixes", Texts(100, Some(200)), "",
     "The path prefixes that the app claims on its hosts, such as `/shop`; without hosts, on every host that no app claims. The longest prefix wins. Not set: all paths."),
    ("strip_prefix", "Strip the prefix", Flag, "",
     "Whether endpoints get requests without the prefix: `/shop/x` as `/x`, with `X-Forwarded-Prefix: /shop`."),
    ("share_host", "Share hosts with", Texts(100, Some(63)), "",
     "The names of apps that may claim path prefixes on hosts of this app."),
    ("drainseconds", "Drain", Whole(0, 2_592_000), "s",
     "After this time, a client of a draining release moves at its next page. At most `drainmaxseconds`."),
    ("drainmaxseconds", "Drain at most", Whole(0, 2_592_000), "s",
     "After this time, a draining release retires even if clients are left."),
    ("abortseconds", "Abort", Whole(0, 3_600), "s",
     "How long open exchanges of an aborted or rolled-back release may go on."),
    ("unregistered_seconds", "Unregistered endpoints serve", WholeOrNull(0, 86_400), "s",
     "How long the last endpoints of a release serve on whose keys vanished although nobody ordered it, if nothing speaks against them. Not set: 600 s, and 30 s where the health check only connects."),
    ("pinseconds", "Pin lasts", Whole(60, 34_560_000), "s",
     "How long a browser keeps the pin cookie (its Max-Age)."),
    ("pin", "Clients are known by", Pattern("^(cookie|address|header:.+)$", 107), "",
     "How a client is known again. `cookie`: by the pin cookie. `header:<name>`: by the value of a header, or by its address when a request has no such header. `address`: by its address. With a header or an address, the client stores nothing."),
    ("transition", "Transition", Words(&["keep", "navigate"]), "",
     "What a change of the blend does to pinned clients. `keep`: nothing. `navigate`: their next page is drawn again."),
    ("cookie.name", "Name", Text(100), "",
     "By https, `_s` is appended, so that neither cookie shadows the other. Letters, digits and signs such as `_-.`, 1 to 100 of them. Names that begin with `__Secure-` or `__Host-` need `secure`."),
    ("cookie.domain", "Domain", TextOrNull(None), "",
     "A host name without a leading dot."),
    ("cookie.samesite", "SameSite", WordsOrNull(&["Lax", "Strict", "None"]), "",
     "Not set: `None` for requests that came by https, so that sign-ins through other sites and embedded pages keep their release, else `Lax`. To set `None` needs `secure`."),
    ("cookie.partitioned", "Partitioned", FlagOrNull, "",
     "Not set: where it came by https and SameSite is `None`. To set it needs `secure`."),
    ("cookie.secure", "Secure", FlagOrNull, "",
     "Not set: for requests that came by https."),
    ("cookie.session", "Session", Flag, "",
     "Whether the cookie has no Max-Age, so that browsers drop it when they end."),
    ("cache", "Caches", Words(&["guard", "trust"]), "",
     "`guard`: shared caches cannot mix releases while several are routed. `trust`: headers stay as the app sent them."),
    ("traceparent", "Trace context", Words(&["pass", "create"]), "",
     "`pass`: the header goes on as it is. `create`: the router also begins a sampled trace when a request has no valid one."),
    ("release_headers", "Headers for pages", Flag, "",
     "Whether responses name their release (Rolling-Release) and, while it drains, say when their client moves (Rolling-Moves-At), so that a page can reload at a calm moment."),
    ("underscores", "Names with _", Words(&["drop", "pass"]), "",
     "What becomes of request headers whose names have `_`, which some servers read as `-`. `drop`: they do not go on. `pass`: they do, but for those that read like a header which the router sets."),
    ("assets.detect", "Detect", Flag, "",
     "Whether a file name with a hash before its extension is a fingerprinted asset."),
    ("assets.paths", "Paths", Texts(32, Some(200)), "",
     "Other paths of fingerprinted assets. `*` stands for any characters, such as `/static/*`."),
    ("assets.fall_through", "Ask siblings", Flag, "",
     "Whether the other releases are asked for an asset that a release does not have, while several are routed."),
    ("health.path", "Path", TextOrNull(Some(1_000)), "",
     "The path that is requested by GET, such as `/healthz`. Not set: an endpoint that accepts connections is healthy."),
    ("health.host", "Host", TextOrNull(Some(260)), "",
     "The Host that a check sends. Not set: the app's first exact host, or else the endpoint's address."),
    ("health.grpc", "gRPC service", TextOrNull(Some(200)), "",
     "The service of gRPC whose state is asked for by its health protocol, instead of `path`; empty: the whole server. Needs `upstream` `h2c` or `h2`."),
    ("health.headers", "Headers", Lines(16, 1_000), "",
     "Further headers that a check sends, such as `X-Check: yes`. Whoever may read the settings reads them."),
    ("health.body_contains", "Body contains", TextOrNull(Some(1_000)), "",
     "A text in the first 64 KiB of a healthy answer, so that another service at the same address does not count."),
    ("health.interval_ms", "Interval", Whole(100, 3_600_000), "ms",
     "The time from one check to the next."),
    ("health.timeout_ms", "Time-out", Whole(10, 3_600_000), "ms",
     "How long a check may take. At most `interval_ms`."),
    ("health.status", "Status", Text(200), "",
     "The statuses that are healthy, single ones or ranges, such as `200-399` or `200,204`."),
    ("health.fall", "Fall", Whole(1, 100), "",
     "An endpoint is unhealthy after this many failed checks in a row."),
    ("health.rise", "Rise", Whole(1, 100), "",
     "An endpoint is healthy again after this many passed checks in a row."),
    ("shielding.enabled", "Shielding", Flag, "",
     "Whether requests are shielded."),
    ("shielding.first_byte_ms", "First byte", Whole(10, 3_600_000), "ms",
     "How long the candidate may be silent before stable is asked as well."),
    ("shielding.exclude", "Exclude", Texts(32, Some(200)), "",
     "Requests whose path begins with one of these are not shielded, such as `/export/`."),
    ("shielding.race_exclude", "Never to both", Texts(32, Some(200)), "",
     "Requests for these paths never go to both releases while the candidate is silent. `*` stands for any characters."),
    ("verdict.on_worse", "If it is worse", WordsOrNull(&["abort", "hold", "tell"]), "",
     "What happens to a candidate that is worse than stable. `abort`: it is aborted. `hold`: it stays, and an alarm is raised. `tell`: the verdict says so, and that is all. Not set: `abort` while a plan runs, else `tell`."),
    ("verdict.on_slower", "If it is slower", WordsOrNull(&["abort", "hold", "tell"]), "",
     "What happens to a candidate that is slower than stable. `abort`: it is aborted. `hold`: it stays, an alarm is raised, and no plan goes on. `tell`: the verdict says so, and plans go on. Not set: `hold` while a plan runs, else `tell`."),
    ("verdict.alpha", "False alarms", Number(0.0001, 0.1), "",
     "The probability of ever calling a candidate worse that is not: 0.01 is one in a hundred rollouts."),
    ("verdict.tolerate", "Tolerated factor", Number(1.0, 10.0), "",
     "How many times as often as stable a candidate may fail, or be slow, before it is called worse, or slower."),
    ("verdict.at_least", "Tolerated share", Number(0.0, 100.0), "%",
     "The share of failing sessions up to which a candidate is not called worse."),
    ("verdict.failure", "Failures", Text(200), "",
     "The statuses that are failures, single ones or ranges, such as `500-599` or `429,500-599`. 502, 503, 504 and no answer always are."),
    ("shadow.percent", "Share", Number(0.0, 100.0), "%",
     "The share of stable's GET and HEAD requests that are repeated at the candidate and at stable, at any blend. 0: none. At most 50 a second at each router."),
    ("shadow.paths", "Paths", Texts(32, Some(200)), "",
     "Only requests for these paths are repeated, such as `/api/*`. `*` stands for any characters. Empty: all paths."),
    ("shadow.ignore", "Not compared", Lines(32, 200), "",
     "Fields that are not compared, as the report names them, such as `header etag` or `body $.build`. `*` stands for any characters."),
    ("shadow.credentials", "With credentials", Flag, "",
     "Whether the copies carry the user's Cookie and Authorization. The report then shows no values."),
    ("certificate", "Certificates", Words(&["files", "acme"]), "",
     "Where the certificates of the app's exact hosts come from. `files`: files of each router. `acme`: a CA, which the fleet asks for one for each host that belongs to the app."),
    ("client_certificates.mode", "Asked for", Words(&["off", "optional", "required"]), "",
     "Whether clients are asked for a certificate. `optional`: they may have none, and one that is not valid is refused. `required`: without a valid one nothing is served."),
    ("client_certificates.ca", "Authorities", TextOrNull(Some(32_768)), "",
     "The certificates of the authorities that may have issued those of clients, as PEM. Nobody is asked without."),
    ("https_redirect", "Redirect to https", WholeOrNull(1, 65_535), "",
     "The port under which clients reach https, such as 443: who comes by http is sent there with 308. Not set: http is served, unless the router redirects."),
    ("canonical_host", "Canonical host", TextOrNull(Some(253)), "",
     "The host under which the app is to be known. Who asks under another of its hosts is sent there with 308."),
    ("hsts.max_age", "Lasts", WholeOrNull(0, 63_072_000), "s",
     "How long browsers keep to https (max-age). 0 ends it. Not set: they are told nothing, and an endpoint's own header goes on."),
    ("hsts.include_subdomains", "Names below", Flag, "",
     "Whether it is for all names below the host as well."),
    ("hsts.preload", "Preload", Flag, "",
     "Whether the site asks to be in the lists that browsers are built with. It needs the names below, and at least a year."),
    ("headers.request", "Requests", Lines(32, 1_100), "",
     "What is done to the header lines of requests on their way to endpoints: `set NAME: VALUE`, `add NAME: VALUE` or `remove NAME`."),
    ("headers.response", "Responses", Lines(32, 1_100), "",
     "The same for the responses of endpoints. What is said to caches stays the router's while several releases are routed."),
    ("body_max", "Largest body", WholeOrNull(0, 1_125_899_906_842_624), "B",
     "The longest body of a request. A longer one gets 413: before anything goes to an endpoint if its length is known, else as soon as it is longer."),
    ("error_pages.400", "400", TextOrNull(Some(16_384)), "", "The request is malformed."),
    ("error_pages.403", "403", TextOrNull(Some(16_384)), "", "A preview is not allowed."),
    ("error_pages.404", "404", TextOrNull(Some(16_384)), "", "A preview leads nowhere."),
    ("error_pages.408", "408", TextOrNull(Some(16_384)), "", "The request came too slowly."),
    ("error_pages.413", "413", TextOrNull(Some(16_384)), "", "The body is larger than `body_max`."),
    ("error_pages.502", "502", TextOrNull(Some(16_384)), "", "No endpoint could be reached, or its answer was not valid."),
    ("error_pages.503", "503", TextOrNull(Some(16_384)), "", "No release or no room is there right now."),
    ("error_pages.504", "504", TextOrNull(Some(16_384)), "", "The app did not answer in time."),
    ("compression.enabled", "Compression", Flag, "",
     "Whether responses are compressed that the app sends as they are, by zstd, Brotli or gzip, as the client asks."),
    ("compression.types", "Types", Texts(64, Some(100)), "",
     "The media types that are compressed, such as `application/json`. `*` stands for any characters."),
    ("compression.min_bytes", "From", Whole(0, 1_073_741_824), "B",
     "Responses that are known to be shorter are not compressed. One that comes as a stream, without a length, is."),
    ("upstream", "Protocol of endpoints", Words(&["http", "https", "h2c", "h2"]), "",
     "How endpoints are spoken with. `http`: HTTP/1.1. `https`: HTTP/1.1 in TLS, with a certificate that is verified. `h2c`: HTTP/2 without TLS, by prior knowledge. `h2`: HTTP/2 in TLS."),
    ("upstream_tls.server_name", "Server name", TextOrNull(Some(253)), "",
     "The name that certificates of endpoints must be for, which is also asked for (SNI). Not set: the app's first exact host, or else the endpoint's address."),
    ("upstream_tls.ca", "Authorities", TextOrNull(Some(32_768)), "",
     "The certificates of the authorities that may have issued those of endpoints, as PEM. Not set: the authorities that the router's system trusts."),
    ("upstream_tls.certificate", "Client certificate", TextOrNull(Some(64)), "",
     "The name of the client certificate that is shown to endpoints which ask for one: NAME.pem in the folder `upstream_certificates` of each router. Not set: none."),
    ("upstream_proxy_protocol", "PROXY protocol", Words(&["off", "v1", "v2"]), "",
     "Whether connections to endpoints begin with a header of the PROXY protocol that names the client. Each connection is then one request's. Not with `upstream` `h2c` or `h2`."),
    ("upgrades", "Upgrades", Texts(2, None), "",
     "Protocols beside WebSockets to which a connection of HTTP/1.1 may be switched (Upgrade): `tcp`, as Docker's clients ask for, and `SPDY/3.1`, as kubectl does."),
    ("lenient_responses", "Lenient responses", Flag, "",
     "Whether responses of old endpoints pass that have bare line feeds, blanks around chunk sizes, or a version such as HTTP/1.2. The log says what was let pass."),
    ("timeouts.first_byte_ms", "First byte", WholeOrNull(10, 86_400_000), "ms",
     "How long an endpoint may take from the end of a request to the first byte of its response."),
    ("timeouts.between_bytes_ms", "Between bytes", WholeOrNull(10, 86_400_000), "ms",
     "The longest pause in the body of a response."),
    ("timeouts.tunnel_idle_ms", "Idle tunnel", WholeOrNull(10, 604_800_000), "ms",
     "The longest time in which nothing is sent on a WebSocket, or in a stream of events (`text/event-stream`)."),
    ("timeouts.body_rate_min", "Least rate", WholeOrNull(0, 1_000_000_000), "B/s",
     "The least rate at which a client sends or takes a body. 0: none."),
    ("timeouts.body_grace_ms", "Pause", WholeOrNull(100, 3_600_000), "ms",
     "How long a client may stay below the least rate, and so how long it may pause."),
    ("timeouts.paths", "Paths", Texts(32, None), "",
     "Time-outs of paths by how they begin, such as `/report/;first_byte_ms=600000`. The longest that sets a time-out counts."),
    ("override.header", "Header", TextOrNull(Some(64)), "",
     "The name of the header, such as X-Rolling-Release. Its value is `stable`, `candidate`, or the name or the id of a release. It never goes upstream."),
    ("override.networks", "Networks", Texts(64, None), "",
     "The networks from which the header counts: addresses or networks of the peers that connect, such as `10.0.0.0/8`."),
    ("register_under_lock", "Registrators", Texts(32, Some(100)), "",
     "Names of `ci` tokens that may register endpoints also while a lock stands, and of releases above the cap."),
    ("fact_links", "Links of facts", Lines(12, 333), "",
     "What leads from a fact of a release to where it is told of, such as `commit=https://git.example/commit/{}`, in which `{}` stands for the value."),
    ("freeze_windows", "Freeze windows", Lines(32, 100), "",
     "Times in which `ci` tokens change nothing but to stop: each day, week or year from one time to another, such as `Fri 16:00 - Mon 08:00 Europe/Berlin`."),
    ("plans", "Plans", Lines(16, 1_000), "",
     "Steps by which a candidate's blend rises by itself, such as `gradual: 5% hold=10m; 25% hold=20m sessions=500; 50% hold=30m approval; promote`. It ends with `promote` or `hold`."),
    ("ci_blend_max", "Blend cap of CI", PercentOrNull, "%",
     "The highest blend that a `ci` token may set. At most two decimals. While it is set, `ci` makes no release stable either."),
    ("ci_may_promote", "CI may promote", Flag, "",
     "Whether `ci` may make a release stable in spite of the cap."),
    ("approvals", "Approvals", Whole(0, 3), "",
     "How many operators must have approved a release before it becomes stable, other than whoever put it on its track. Tokens count, not names. A lower value needs as many approvals as there were."),
    ("keep_previous", "Kept releases", Whole(0, 10), "",
     "How many releases that were stable keep the containers of their deployments, stopped, once nobody is left at them. A rollback starts them. Those of older ones are removed."),
    ("prune_images", "Remove images", Flag, "",
     "Whether the images of deployments are removed with them, where no other deployment or container uses them."),
    ("pending_seconds", "Wait of raw writes", Whole(0, 86_400), "s",
     "How long a release that a raw `stable/id` names is asked again while it does not pass the health check or lacks approvals."),
];

impl Kind {
    fn schema(&self) -> Value {
        match *self {
            Flag => json!({ "type": "boolean" }),
            FlagOrNull => json!({ "type": ["boolean", "null"] }),
            Whole(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
            WholeOrNull(from, to) => json!({ "type": ["integer", "null"], "minimum": from, "maximum": to }),
            PercentOrNull => json!({ "type": ["number", "null"], "minimum": 0, "maximum": 100 }),
            Number(from, to) => json!({ "type": "number", "minimum": from, "maximum": to }),
            Text(most) => json!({ "type": "string", "maxLength": most }),
            TextOrNull(None) => json!({ "type": ["string", "null"] }),
            TextOrNull(Some(most)) => json!({ "type": ["string", "null"], "maxLength": most }),
            Pattern(pattern, most) => json!({ "type": "string", "pattern": pattern, "maxLength": most }),
            Texts(most, None) => {
                json!({ "type": "array", "items": { "type": "string" }, "maxItems": most })
            }
            Texts(most, Some(chars)) => {
                let item = json!({ "type": "string", "maxLength": chars });
                json!({ "type": "array", "items": item, "maxItems": most })
            }
            Lines(most, chars) => {
                let item = json!({ "type": "string", "maxLength": chars });
                json!({ "type": "array", "items": item, "maxItems": most, "x-lines": true })
            }
            Words(words) => json!({ "type": "string", "enum": words }),
            WordsOrNull(words) => {
                let all: Vec<_> = words.iter().map(|word| json!(word)).chain([Value::Null]).collect();
                json!({ "type": ["string", "null"], "enum": all })
            }
        }
    }
}

/// The schema of all settings.
pub fn schema() -> Value {
    let defaults = serde_json::to_value(Enforced::default()).unwrap();
    let mut properties = json!({});
    for (name, title, description) in GROUPS {
        properties[*name] =
            json!({ "type": "object", "title": title, "description": description, "properties": {} });
    }
    for (path, title, kind, unit, description) in SETTINGS {
        let mut schema = kind.schema();
        schema["title"] = json!(title);
        schema["description"] = json!(description);
        schema["default"] = path.split('.').fold(&defaults, |value, name| &value[name]).clone();
        if !unit.is_empty() {
            schema["x-unit"] = json!(unit);
        }
        match path.split_once('.') {
            None => properties[*path] = schema,
            Some((group, name)) => properties[group]["properties"][name] = schema,
        }
    }
    let description = "A setting that is left out has its default. An unknown field is refused.";
    json!({ "type": "object", "description": description, "properties": properties })
}

/// The names of settings and of groups, in their order.
pub fn order() -> Vec<&'static str> {
    let mut names: Vec<&str> =
        SETTINGS.iter().map(|(path, ..)| path.split('.').next().unwrap_or(path)).collect();
    names.dedup();
    names
}

/// The names of the settings of a group, in their order.
pub fn orders_of_groups() -> impl Iterator<Item = Vec<&'static str>> {
    let of_group = |group: &'static str| {
        let paths = SETTINGS.iter().filter_map(move |(path, ..)| path.split_once('.'));
        paths.filter(move |(known, _)| *known == group).map(|(_, name)| name).collect()
    };
    GROUPS.iter().map(move |(group, ..)| of_group(group))
}

impl PartialSchema for Settings {
    fn schema() -> RefOr<utoipa::openapi::Schema> {
        serde_json::from_value(schema()).unwrap()
    }
}

impl ToSchema for Settings {}
