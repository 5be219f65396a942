//! What a browser does not need of a script or a style sheet: comments on lines of their own, and indentation.
//!
//! It goes by lines and knows no grammar, so a file keeps to what `ui/tests/files.test.js` checks: a comment ends where its line ends, and
//! no text spans lines. Lines stay where they are, so a browser's message names the right one.

/// The text without comments and indentation.
pub fn squeeze(text: &str) -> String {
    let mut squeezed = String::with_capacity(text.len());
    let mut in_comment = false;
    for line in text.lines().map(str::trim_start) {
        let is_comment = in_comment || line.starts_with("/*") || line.starts_with("//");
        if in_comment || line.starts_with("/*") {
            in_comment = !line.contains("*/");
        }
        if !is_comment {
            squeezed.push_str(line);
        }
        squeezed.push('\n');
    }
    squeezed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_go_and_lines_stay() {
        let text = "// What it is.\n\n/**\n * Adds `//`.\n */\nexport function add(a, b) {\n\t// A sum.\n\treturn a + b; // no line of its own\n}\n";
        let squeezed = "\n\n\n\n\nexport function add(a, b) {\n\nreturn a + b; // no line of its own\n}\n";
        assert_eq!(squeeze(text), squeezed);
        assert_eq!(squeeze("/* One line. */\na { b: c; }\n/* Two\n   lines. */\n"), "\na { b: c; }\n\n\n");
        assert_eq!(squeeze("const link = 'https://www.w3.org';\n"), "const link = 'https://www.w3.org';\n");
    }
}
