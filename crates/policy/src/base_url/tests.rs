use proptest::prelude::*;

use super::*;

fn parts(text: &str) -> Result<(bool, String, u16, String), BaseUrlError> {
    BaseUrl::parse(text).map(|url| (url.tls, url.host, url.port, url.path))
}

#[test]
fn urls_are_taken_apart() {
    for (text, tls, host, port, path) in [
        ("https://api.openai.com/v1", true, "api.openai.com", 443, "/v1"),
        ("http://litellm:4000/v1", false, "litellm", 4000, "/v1"),
        ("HTTP://Example.Test", false, "example.test", 80, ""),
        ("http://example.test./", false, "example.test.", 80, ""),
        ("https://h/v1///", true, "h", 443, "/v1"),
        ("http://127.0.0.1:18080", false, "127.0.0.1", 18080, ""),
        ("http://[::1]:8080/a%20b", false, "::1", 8080, "/a%20b"),
        ("https://[2001:DB8:0::1]/", true, "2001:db8::1", 443, ""),
        ("http://my_service/openai/deployments/x:y@z", false, "my_service", 80, "/openai/deployments/x:y@z"),
        ("http://h:65535", false, "h", 65535, ""),
    ] {
        assert_eq!(parts(text), Ok((tls, host.to_owned(), port, path.to_owned())), "{text}");
    }
}

#[test]
fn anything_else_is_refused_with_its_reason() {
    use BaseUrlError::*;
    for (text, error) in [
        ("", Scheme),
        ("api.openai.com/v1", Scheme),
        ("//h/v1", Scheme),
        ("ftp://h", Scheme),
        (" https://h", Space),
        ("https://h/a b", Space),
        ("https://h\n", Space),
        ("https://user:pass@h", UserInfo),
        ("https://user@h/?q", UserInfo),
        ("https://h?x=1", Query),
        ("https://h/v1?x=1", Query),
        ("https://h/v1#f", Fragment),
        ("https://h?x#f", Fragment),
        ("https://bücher.test", NotAscii),
        ("https://h/ü", NotAscii),
        ("https://", NoHost),
        ("https:///v1", NoHost),
        ("https://:443", NoHost),
        ("https://a..b", Host),
        ("https://-a", Host),
        ("https://a%20b", Host),
        ("https://[::1", Host),
        ("https://[::1]x", Host),
        ("https://[::g]", Host),
        ("https://[127.0.0.1]", Host),
        ("https://[fe80::1%25eth0]", Host),
        ("https://::1", NoHost),
        ("https://1.2.3", Host),
        ("https://256.1.1.1", Host),
        ("https://2130706433", Host),
        ("https://0x7f.0.0.1", Host),
        ("https://a\\b", Host),
        ("https://h:", Port),
        ("https://h:0", Port),
        ("https://h:65536", Port),
        ("https://h:+80", Port),
        ("https://h:8a", Port),
        ("https://h:80:81", Port),
        ("https://h/a\\b", Path),
        ("https://h/%2", Path),
        ("https://h/%zz", Path),
        ("https://h/../v1", Path),
        ("https://h/./v1", Path),
        ("https://h/v1/..", Path),
    ] {
        assert_eq!(parts(text), Err(error), "{text}");
    }
}

#[test]
fn authority_leaves_out_the_usual_port() {
    for (text, authority) in [
        ("https://H:443/v1", "h"),
        ("http://h:443", "h:443"),
        ("http://h:80", "h"),
        ("https://[::1]:8443", "[::1]:8443"),
        ("https://[::1]", "[::1]"),
    ] {
        assert_eq!(BaseUrl::parse(text).unwrap().authority(), authority);
    }
    assert_eq!(BaseUrl::parse("HTTPS://H:443/v1/").unwrap().to_string(), "https://h/v1");
}

#[test]
fn paths_are_joined_without_repeating_v1() {
    for (base, path, expected) in [
        ("https://h/v1", "/v1/models", "/v1/models"),
        ("https://h/v1/", "/v1/models?a=b", "/v1/models?a=b"),
        ("https://h/v1", "/v1", "/v1"),
        ("https://h/v1", "/v1?a=b", "/v1?a=b"),
        ("https://h/v1", "/v1/", "/v1/"),
        ("https://h/v1", "/models", "/v1/models"),
        ("https://h/v1", "/v1beta/x", "/v1/v1beta/x"),
        ("https://h/v1", "/v1/v1/x", "/v1/v1/x"),
        ("https://h/openai/v1", "/v1/models", "/openai/v1/models"),
        ("https://h/xv1", "/v1/models", "/xv1/v1/models"),
        ("https://h", "/v1/models", "/v1/models"),
        ("https://h", "/v1", "/v1"),
        ("https://h", "/", "/"),
        ("https://h", "", "/"),
        ("https://h/v2", "/v1/models", "/v2/v1/models"),
    ] {
        assert_eq!(join(&BaseUrl::parse(base).unwrap().path, path, ""), expected, "{base} {path}");
    }
}

#[test]
fn extra_parameters_follow_the_clients_own() {
    let url = BaseUrl::parse("https://h/v1").unwrap();
    let extra = encode_query([("api-version", "2024-02-01"), ("a b", "ü&=+/")]);
    assert_eq!(extra, "api-version=2024-02-01&a%20b=%C3%BC%26%3D%2B%2F");
    for (path, expected) in [
        ("/v1/models", format!("/v1/models?{extra}")),
        ("/v1/models?", format!("/v1/models?{extra}")),
        ("/v1/models?a=b", format!("/v1/models?a=b&{extra}")),
        ("/v1", format!("/v1?{extra}")),
        ("/v1/a?b?c", format!("/v1/a?b?c&{extra}")),
    ] {
        assert_eq!(join(&url.path, path, &extra), expected, "{path}");
    }
    assert_eq!(encode_query([]), "");
}

proptest! {
    #[test]
    fn parsing_never_panics_and_what_it_accepts_it_reads_back(text in "(https?://)?\\PC{0,40}") {
        if let Ok(url) = BaseUrl::parse(&text) {
            prop_assert_eq!(BaseUrl::parse(&url.to_string()), Ok(url));
        }
    }

    #[test]
    fn joining_allocates_once_and_keeps_everything(base in "(/[a-z0-9]{1,4}){0,3}", path in "(/[a-z0-9]{1,4}){0,4}", query in "[a-z=&]{0,12}", extra in "([a-z]=1)?") {
        let url = BaseUrl::parse(&format!("http://h{base}")).unwrap();
        let joined = join(&url.path, &format!("{path}?{query}"), &extra);
        prop_assert!(joined.starts_with('/'));
        prop_assert!(joined.starts_with(&base));
        prop_assert!(joined.ends_with(&extra));
        prop_assert!(joined.contains(&query));
        prop_assert!(joined.capacity() <= base.len() + path.len() + query.len() + extra.len() + 3);
    }
}
