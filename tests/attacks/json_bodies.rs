//! JSON bodies that take long to read. One of 1 MiB with 131,000 fields took 34 s of a processor, with a viewer's token;
//! four of them, and `/healthz` was answered after 48.8 s.

use std::time::Duration;
use support::clock::Deadline;
use support::router;

use crate::operator::Times;

const HERE: [u8; 4] = [127, 0, 0, 1];

#[test]
fn a_body_of_a_hundred_thousand_fields_is_refused_at_once() {
    let router = router().stable("v1").candidate("v2").start();
    let fields: Vec<String> = (0..131_000).map(|n| format!("\"{n}\":1")).collect();
    let wide = format!("{{{}}}", fields.join(","));
    let nested = format!(
        "{{\"path\":{}}}",
        &wide[..1_000_000].rsplit_once(',').map_or("", |(head, _)| head).to_owned()
    ) + "}";
    let viewer = router.api_as("viewer");
    std::thread::scope(|scope| {
        for path in ["explain", "who-moves"] {
            for body in [&wide[..1_040_000], &nested] {
                let viewer = viewer.clone();
                scope.spawn(move || {
                    // An unoptimised router beside other suites; it took minutes when reading was not linear.
                    let started = Deadline::after(Duration::from_secs(40));
                    let path = format!("/api/v1/apps/hello/{path}");
                    let answer = viewer.raw("POST", &path, Some(("application/json", body.as_bytes())), "");
                    assert!(matches!(answer.status(), 400 | 422), "{}", answer.response.text());
                    assert!(!started.passed(), "it took {:?}", started.elapsed());
                });
            }
        }
        let mut times = Times::default();
        (0..10).for_each(|_| times.round(&router, HERE));
        times.assert_at_once("bodies of a hundred thousand fields");
    });
    let many = fields[..65].join(",");
    for body in [
        format!("{{{many}}}"),
        format!("{{\"headers\":{{{many}}}}}"),
        format!("{{\"headers\":{{{}}},\"path\":{{{}}}}}", fields[..40].join(","), fields[..40].join(",")),
        format!("{{\"path\":[{}]}}", vec!["{\"a\":1}"; 65].join(",")),
    ] {
        let body = Some(("application/json", body.as_bytes()));
        let answer = viewer.raw("POST", "/api/v1/apps/hello/explain", body, "");
        assert!(answer.expect(400).response.text().contains("it has more than 64 fields"));
    }
}
