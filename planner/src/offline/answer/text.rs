//! Text of unknown origin, made fit for a terminal and for Markdown.

/// One line of clean text of at most `max` characters.
///
/// Escape sequences lose their escape character and control characters go, so that no result can
/// move the cursor, recolour the terminal or forge a heading. Invisible marks that turn the
/// direction of text go as well.
pub(super) fn line(text: &str, max: usize) -> String {
    let mut clean = String::new();
    let mut count = 0;
    let mut space = false;
    for c in without_escapes(text) {
        if c.is_whitespace() {
            space = true;
            continue;
        }
        if c.is_control() || is_invisible(c) {
            continue;
        }
        if space && !clean.is_empty() {
            clean.push(' ');
            count += 1;
        }
        space = false;
        if count >= max {
            clean.push('…');
            break;
        }
        clean.push(c);
        count += 1;
    }
    clean
}

/// Leaves out terminal sequences: `ESC [ ... letter` and `ESC ] ... BEL`.
fn without_escapes(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        loop {
            match chars.next()? {
                '\u{1b}' => match chars.peek() {
                    Some('[') => {
                        chars.next();
                        while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                        chars.next_if(|c| matches!(c, '@'..='~'));
                    }
                    Some(']') => while chars.next_if(|c| !c.is_control()).is_some() {},
                    _ => {}
                },
                c => return Some(c),
            }
        }
    })
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

const CUT: &str = "\n…";

/// At most `max` bytes of a text, cut between characters.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let room = max.saturating_sub(CUT.len());
    let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    if room == 0 {
        return String::new();
    }
    format!("{}{CUT}", text[..end].trim_end())
}
