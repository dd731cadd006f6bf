//! Names of files that are not whole yet.

use std::io;

/// A name's length, in bytes, that every file system takes.
const NAME_MAX: usize = 255;

/// A name beside `name` that nobody has: `.NAME.rsmcp-RANDOM`. What is left over from
/// a link that died is known by it.
pub(super) fn hidden(name: &str) -> io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let ending = format!(".rsmcp-{:016x}", u64::from_ne_bytes(random));
    let kept = name.floor_char_boundary(NAME_MAX - 1 - ending.len());
    Ok(format!(".{}{ending}", name.get(..kept).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_name_is_never_too_long() {
        assert!(hidden("conf").unwrap().starts_with(".conf.rsmcp-"));
        let long = hidden(&"ä".repeat(200)).unwrap();
        assert!((253..=255).contains(&long.len()), "{long}");
    }
}
