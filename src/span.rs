//! Lengths of time in words, as the page writes them too.

/// Seconds in their two largest units: `45 s`, `5 min`, `1 h 30 min`, `2 d`.
pub fn in_words(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(number, _)| *number > 0).unwrap_or(parts.len() - 1);
    let largest = parts.iter().skip(first).take(2);
    let shown = largest.enumerate().filter(|(at, (number, _))| *at == 0 || *number > 0);
    shown.map(|(_, (number, unit))| format!("{number} {unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_say_enough() {
        let written = [0, 45, 60, 300, 3_600, 5_400, 3_601, 90_061, 172_800].map(in_words);
        let expected = ["0 s", "45 s", "1 min", "5 min", "1 h", "1 h 30 min", "1 h", "1 d 1 h", "2 d"];
        assert_eq!(written, expected);
    }
}
