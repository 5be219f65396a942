//! TLS as a scanner sees it from outside: protocols, ciphers, key exchange, renegotiation, resumption and known attacks.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::router;
use support::tls::CertificateFiles;

/// What a router on loopback with a certificate of its own cannot have: somebody who vouches for it, and whoever issued it.
const EXCEPTED: &str = "certificate_path_validation";

/// sslyze, as PyPI has it.
fn sslyze() -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sslyze");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/install-sslyze");
    let run = Command::new(script).arg(&folder).output().expect("the script can be run");
    assert!(run.status.success(), "sslyze is not to be had:\n{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).trim().to_owned()
}

/// What is in use, of a protocol.
fn ciphers(result: &Value, protocol: &str) -> Vec<String> {
    let scan = &result[format!("{protocol}_cipher_suites")];
    assert_eq!(scan["status"], "COMPLETED", "{protocol}: {scan}");
    let accepted = scan["result"]["accepted_cipher_suites"].as_array().expect("a list");
    accepted.iter().map(|suite| suite["cipher_suite"]["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
#[ignore = "tests/run --long runs it: sslyze comes from PyPI"]
fn a_scanner_finds_nothing_against_it() {
    let (files, _) = CertificateFiles::new(&["localhost", "127.0.0.1"]);
    let [certificate, key] = files.flags();
    let router = router().stable("v1").flag("--listen-tls=127.0.0.1:0").flag(&certificate).flag(&key).start();
    let out = router.path("scan.json");
    let run = Command::new(sslyze())
        .args(["--mozilla_config=intermediate", "--resum", "--early_data", "--elliptic_curves", "--reneg"])
        .args(["--compression", "--heartbleed", "--openssl_ccs", "--robot", "--fallback", "--ems"])
        .args(["--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--certinfo"])
        .arg(format!("--json_out={}", out.display()))
        .arg(router.front_tls().to_string())
        .output()
        .expect("it can be run");
    let said = String::from_utf8_lossy(&run.stdout);
    let scan: Value = serde_json::from_slice(&fs::read(&out).expect("it has written")).expect("JSON");
    let result = &scan["server_scan_results"][0]["scan_result"];
    for old in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"] {
        assert_eq!(ciphers(result, old), Vec::<String>::new(), "{old}");
    }
    let strong = |suite: &String| suite.contains("_GCM_") || suite.contains("_CHACHA20_POLY1305_");
    let (second, third) = (ciphers(result, "tls_1_2"), ciphers(result, "tls_1_3"));
    assert!(
        !second.is_empty() && second.iter().all(|suite| suite.starts_with("TLS_ECDHE_") && strong(suite))
    );
    assert!(!third.is_empty() && third.iter().all(strong), "{third:?}");
    for (what, field, wanted) in [
        ("tls_compression", "supports_compression", Value::from(false)),
        ("tls_1_3_early_data", "supports_early_data", Value::from(false)),
        ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection", Value::from(false)),
        ("tls_fallback_scsv", "supports_fallback_scsv", Value::from(true)),
        ("heartbleed", "is_vulnerable_to_heartbleed", Value::from(false)),
        ("robot", "robot_result", Value::from("NOT_VULNERABLE_RSA_NOT_SUPPORTED")),
        ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos", Value::from(false)),
        ("tls_extended_master_secret", "supports_ems_extension", Value::from(true)),
    ] {
        assert_eq!(result[what]["result"][field], wanted, "{what}: {}", result[what]);
    }
    let resumed = &result["session_resumption"];
    assert_eq!(resumed["status"], "COMPLETED", "{resumed}");
    assert_eq!(resumed["result"]["session_id_resumption_result"], "FULLY_SUPPORTED", "{resumed}");
    let curves = result["elliptic_curves"]["result"]["supported_curves"].as_array().expect("a list");
    let curves: Vec<&str> = curves.iter().filter_map(|curve| curve["name"].as_str()).collect();
    assert_eq!(curves, ["X25519", "secp256r1", "secp384r1"]);
    // Its own comparison with Mozilla's intermediate configuration.
    let against: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.contains("COMPLIANCE AGAINST"))
        .filter(|line| line.trim_start().starts_with("* ") && !line.contains(EXCEPTED))
        .collect();
    assert!(said.contains("COMPLIANCE AGAINST"), "{said}");
    assert_eq!(against, Vec::<&str>::new());
}
