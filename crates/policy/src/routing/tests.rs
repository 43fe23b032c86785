use std::collections::BTreeMap;

use super::*;
use crate::filter_config::{RouteConfig, RuleConfig};

fn config() -> FilterConfig {
    let backend = |name: &str| BackendConfig {
        name: name.into(),
        cluster: format!("{name}/1"),
        authority: String::new(),
        base_path: "/v1".into(),
        has_query_params: false,
        model_map: [("a".to_owned(), "b".to_owned()), ("*".to_owned(), "c".to_owned())].into(),
        provider: None,
    };
    let route = |name: &str, backends: &[usize]| RouteConfig {
        name: name.into(),
        backends: backends.to_vec(),
        prepare: Prepare::Once,
    };
    let rule = |model: &str, exact, route| RuleConfig {
        model: model.into(),
        exact,
        choices: vec![Choice { weight: 1.0, route }],
    };
    FilterConfig {
        schema: SCHEMA,
        version: "v".into(),
        open_relay: false,
        max_body_bytes: 1,
        backends: vec![backend("one"), backend("two")],
        routes: vec![route("r0", &[0]), route("r1", &[1]), route("r2", &[0, 1]), route("r3", &[1, 0])],
        rules: vec![rule("gpt-", false, 0), rule("gpt-4o", true, 1), rule("gpt-4", false, 3)],
        default_choices: vec![Choice { weight: 9.0, route: 2 }, Choice { weight: 1.0, route: 3 }],
        pins: [("two".to_owned(), 1)].into(),
        redirects: BTreeMap::new(),
        metering: Metering::default(),
    }
}

fn route_name(router: &Router, model: &str, pin: Option<&str>, seed: &str) -> Option<String> {
    router.choose(model, pin, seed).map(|chosen| chosen.route.name.clone())
}

/// The name of the route, and the model that is asked for there.
fn chosen<'a>(router: &'a Router, model: &'a str, pin: Option<&str>) -> (&'a str, &'a str) {
    let chosen = router.choose(router.redirect(model), pin, "s").unwrap();
    (&chosen.route.name, chosen.model)
}

fn with_providers() -> Router {
    let mut config = config();
    config.pins.insert("one".into(), 0);
    config.redirects = [("fast".to_owned(), "two/small".to_owned())].into();
    Router::compile(config).unwrap()
}

#[test]
fn a_provider_before_the_model_is_chosen_and_taken_off() {
    let router = with_providers();
    assert_eq!(chosen(&router, "two/gpt-4o", None), ("r1", "gpt-4o"));
    // Only the first slash counts, and the rest may have more.
    assert_eq!(chosen(&router, "one/meta/llama", None), ("r0", "meta/llama"));
    // What names no provider, or no model, is a name like any other.
    for name in ["meta/llama", "two/", "/two", "two", "TWO/gpt-4o"] {
        let (route, model) = chosen(&router, name, None);
        assert!(matches!(route, "r2" | "r3"), "{name}: {route}");
        assert_eq!(model, name);
    }
}

#[test]
fn a_rule_goes_before_the_provider_only_if_it_names_it() {
    let rule = |model: &str, exact| {
        let mut config = config();
        config.pins.insert("one".into(), 0);
        let choices = vec![Choice { weight: 1.0, route: 3 }];
        config.rules = vec![RuleConfig { model: model.into(), exact, choices }];
        Router::compile(config).unwrap()
    };
    for (model, exact, expected) in [
        ("one/", false, ("r3", "one/gpt")),
        ("one/gpt", true, ("r3", "one/gpt")),
        ("o", false, ("r0", "gpt")),
        ("one", false, ("r0", "gpt")),
        ("gpt", true, ("r0", "gpt")),
    ] {
        assert_eq!(chosen(&rule(model, exact), "one/gpt", None), expected, "{model}");
    }
}

#[test]
fn a_pinned_key_stays_where_it_is_pinned_to() {
    let router = with_providers();
    assert_eq!(chosen(&router, "one/gpt-4o", Some("two")), ("r1", "one/gpt-4o"));
    assert_eq!(chosen(&router, "two/gpt-4o", Some("two")), ("r1", "gpt-4o"));
    assert_eq!(chosen(&router, "fast", Some("two")), ("r1", "small"));
}

#[test]
fn a_redirect_comes_before_everything_else() {
    let router = with_providers();
    assert_eq!(router.redirect("fast"), "two/small");
    assert_eq!(router.redirect("faster"), "faster");
    assert_eq!(chosen(&router, "fast", None), ("r1", "small"));
    // The whole name is redirected, not its rest.
    assert_eq!(chosen(&router, "one/fast", None), ("r0", "fast"));
}

#[test]
fn only_another_name_is_written() {
    let router = Router::compile(config()).unwrap();
    let mapping = router.backend("one").unwrap();
    assert_eq!(mapping.rename("a", "one/a").unwrap().name, "b");
    assert_eq!(mapping.rename("a", "b"), None);
    let mut plain = config();
    plain.backends[0].model_map.clear();
    let router = Router::compile(plain).unwrap();
    let plain = router.backend("one").unwrap();
    assert_eq!(plain.rename("a", "a"), None);
    assert_eq!(plain.rename("a\"b", "one/a\"b").unwrap().json, r#""a\"b""#);
}

#[test]
fn pins_then_exact_then_first_prefix_then_defaults() {
    let router = Router::compile(config()).unwrap();
    assert_eq!(route_name(&router, "gpt-4o", None, "s").as_deref(), Some("r1"));
    assert_eq!(route_name(&router, "gpt-4o-mini", None, "s").as_deref(), Some("r0"));
    assert_eq!(route_name(&router, "gpt-4o", Some("two"), "s").as_deref(), Some("r1"));
    assert_eq!(route_name(&router, "gpt-4o", Some("gone"), "s"), None);
    assert!(matches!(route_name(&router, "claude", None, "s").as_deref(), Some("r2" | "r3")));
}

#[test]
fn weights_are_kept_over_request_ids() {
    let router = Router::compile(config()).unwrap();
    // The gateway's own ids, of one worker within a few seconds; and those that clients make, as like as can be.
    let own = |n: u64| format!("ditto-{}-5eed0123{n:x}", 1_700_000_000_000 + n / 3);
    let numbered = |n: u64| format!("req_{n}");
    let uuid = |n: u64| format!("{:08x}-0000-4000-8000-000000000000", n.wrapping_mul(0x9e37_79b9) & 0xffff_ffff);
    let forms: [&dyn Fn(u64) -> String; 3] = [&own, &numbered, &uuid];
    for id in forms {
        let first = |n: &u64| route_name(&router, "x", None, &id(*n)).as_deref() == Some("r2");
        let share = (0..10_000).filter(first).count();
        assert!((8_900..=9_100).contains(&share), "{share} of ids such as {}", id(0));
    }
}

#[test]
fn twenty_candidates_get_their_shares() {
    let weights: Vec<f64> = (1..=20).map(f64::from).collect();
    let choices: Vec<_> = weights.iter().enumerate().map(|(route, &weight)| Choice { weight, route }).collect();
    let mut chosen = [0_u32; 20];
    for n in 0..10_000 {
        chosen[pick(&choices, &format!("ditto-1700000000000-{n:x}")).unwrap().route] += 1;
    }
    for (weight, count) in weights.iter().zip(chosen) {
        let expected = weight / 210.0 * 10_000.0;
        assert!((f64::from(count) - expected).abs() < 100.0, "{count} for {expected}");
    }
}

#[test]
fn the_same_request_takes_the_same_route() {
    let router = Router::compile(config()).unwrap();
    for n in 0..100 {
        let seed = format!("request-{n}");
        assert_eq!(route_name(&router, "x", None, &seed), route_name(&router, "x", None, &seed));
    }
}

#[test]
fn a_mapped_model_is_the_exact_one_or_the_star() {
    let router = Router::compile(config()).unwrap();
    let backend = router.backend("one").unwrap();
    assert_eq!(backend.map_model("a").unwrap().name, "b");
    assert_eq!(backend.map_model("z").unwrap().json, r#""c""#);
}

#[test]
fn dangling_references_and_foreign_schemas_are_refused() {
    let mut dangling = config();
    dangling.default_choices[0].route = 9;
    assert!(matches!(Router::compile(dangling), Err(InvalidFilterConfig::Dangling { index: 9, .. })));
    let mut foreign = config();
    foreign.schema = 99;
    assert_eq!(Router::compile(foreign).unwrap_err(), InvalidFilterConfig::Schema { found: 99 });
}
