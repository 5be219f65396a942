//! What a router needs beside its store: a backup of the store does not hold it.

use std::path::Path;

use super::{
    needed_file::NeededFile, setting, sso_settings::ADMIN_SSO_SECRET_FILE,
    traces_settings::OTLP_HEADERS_FILE, values::Config,
};

impl Config {
    /// The files that the settings name and a router reads, the one with the settings first. A log is none of them.
    pub fn needed_files(&self) -> Vec<NeededFile> {
        let of = |setting, path: Option<&Path>| path.map(|path| NeededFile::of(setting, path));
        let named = [
            of("config", self.file.as_deref()),
            of(setting::STORE_FILE.name, self.store_file.as_deref()),
            of(setting::SECRETS_KEY_FILE.name, self.secrets_key_file.as_deref()),
            of(ADMIN_SSO_SECRET_FILE.name, self.sso.as_ref().map(|sso| sso.secret_file.as_path())),
            of(
                OTLP_HEADERS_FILE.name,
                self.traces.as_ref().and_then(|traces| traces.headers_file.as_deref()),
            ),
            of(setting::TOKEN_FILE.name, self.token_file.as_deref()),
            of(setting::KEYVALUES.name, self.keyvalues.as_ref().map(|keyvalues| keyvalues.path())),
        ];
        let pairs = self.tls.iter().flat_map(|tls| &tls.pairs).flat_map(|pair| {
            [
                NeededFile::of(setting::TLS_CERTIFICATE.name, &pair.certificate),
                NeededFile::of(setting::TLS_KEY.name, &pair.key),
            ]
        });
        let of_acme = self.acme.iter().flat_map(|acme| &acme.files);
        let of_acme = of_acme.map(|(name, path)| NeededFile::of(name, path));
        let of_store = self.store.files().into_iter().map(|path| NeededFile::of(setting::STORE.name, &path));
        let files = named.into_iter().flatten().chain(pairs).chain(of_acme).chain(of_store);
        let files = files.chain(self.engine_files.iter().cloned());
        let token =
            self.token.as_ref().map(|_| NeededFile { setting: setting::TOKEN.name.to_owned(), path: None });
        files.chain(token).collect()
    }
}
