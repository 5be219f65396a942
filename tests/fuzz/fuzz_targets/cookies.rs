//! Fuzzes the reading of a Cookie value, and of the pins in it.
#![no_main]

use std::sync::LazyLock;

use rolling_router::rollout::pin::{PinCodec, PinKey, PinKeys};

static CODEC: LazyLock<PinCodec> = LazyLock::new(|| {
    let current = PinKey { id: 1, secret: [7; 16] };
    let app = "shop".parse().expect("a valid name");
    PinCodec::new(app, PinKeys { next: None, current, previous: None })
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    rolling_router::proxy::http1::fuzz::cookies(bytes);
    // Whatever verifies must be exactly what this codec writes: there is one spelling of a pin.
    if let Ok(pin) = CODEC.decode(bytes) {
        assert_eq!(CODEC.encode(&pin).as_slice(), bytes);
    }
});
