//! The chart for Kubernetes, given to Helm itself and to the schemas of Kubernetes, which a script installs from PyPI.

use std::{path::Path, process::Command};

#[test]
fn the_chart_is_linted_rendered_and_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helm");
    let ran = Command::new(root.join("deploy/helm/check")).arg(folder).output();
    let ran = ran.unwrap_or_else(|error| panic!("python3 is needed for this suite: {error}"));
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.starts_with("the chart is sound"), "{said}");
}
