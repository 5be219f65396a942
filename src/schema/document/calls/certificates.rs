//! Certificates.

use super::super::{components::Components, operation::Operation};
use crate::schema::certificate::{AccountKeyRollover, Certificate, Certificates};

pub fn calls() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/certificates", "certificates", "All certificates")
            .says("Those in files of the router that answers, those that a CA has issued to the fleet, and the hosts that wait for one. Never a key.")
            .answers::<Certificates>(200, "The certificates.")
            .refuses(&[400]),
        Operation::post("/api/v1/certificates/account-key", "rollAccountKey", "Give the account with the CA a new key")
            .role("admin")
            .says("The CA knows the old one no more (RFC 8555 section 7.3.5). Certificates and orders stay. 409 `no_ca` where the router that is asked has no `acme_directory`; 409 `ca_refused` with what the CA says.")
            .answers::<AccountKeyRollover>(200, "It has a new key.")
            .refuses(&[400, 403, 409, 503]),
    ]
}

/// The answers, and their parts, of which the default value has every field that is always written.
pub fn always_written(components: &mut Components) {
    components.always::<AccountKeyRollover>();
    components.always::<Certificate>();
    components.always::<Certificates>();
}
