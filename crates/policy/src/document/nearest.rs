//! Finding the name that was probably meant.

/// Longer names are not compared: the cost is quadratic and the result would help nobody.
const COMPARED_MAX: usize = 64;

/// The candidate closest to `name`, if one is close enough to have been meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.chars().take(COMPARED_MAX + 1).flat_map(char::to_lowercase).collect();
    if name.is_empty() || name.len() > COMPARED_MAX {
        return None;
    }
    // Half of the letters may differ, and always two: `tenant` is close to `tenant_id`, `url` is not to `base_url`.
    let close_enough = (name.len() / 2).max(2);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= COMPARED_MAX)
        .map(|candidate| (distance(&name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= close_enough && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements that turn `from` into `to`, ignoring case (Levenshtein distance).
fn distance(from: &[char], to: &str) -> usize {
    // `row[j]` is the distance between the letters of `to` read so far and the first `j` letters of `from`.
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (i, wanted) in to.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, letter) in row.iter_mut().zip(std::iter::once(None).chain(from.iter().map(Some))) {
            let above = *cell;
            *cell = match letter {
                None => left,
                Some(letter) => {
                    let replaced = diagonal + usize::from(*letter != wanted);
                    replaced.min(above + 1).min(left + 1)
                }
            };
            diagonal = above;
            left = *cell;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (from, to, expected) in
            [("", "", 0), ("abc", "abc", 0), ("kitten", "sitting", 3), ("", "abc", 3), ("Base_URL", "base_url", 0)]
        {
            let from: Vec<char> = from.chars().flat_map(char::to_lowercase).collect();
            assert_eq!(distance(&from, to), expected, "{from:?} {to}");
        }
    }

    #[test]
    fn a_typing_mistake_finds_its_name() {
        let fields = ["name", "base_url", "headers", "query_params"];
        assert_eq!(nearest("base_uri", fields), Some("base_url"));
        assert_eq!(nearest("Header", fields), Some("headers"));
        assert_eq!(nearest("query-params", fields), Some("query_params"));
        assert_eq!(nearest("observability", fields), None);
        assert_eq!(nearest("", fields), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), fields), None);
        assert_eq!(nearest("xy", ["ab"]), None);
    }
}
