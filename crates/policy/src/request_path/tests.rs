use super::*;

/// "A path is compared in its normal form: the query and fragment are cut off, escapes of unreserved
/// characters are decoded and others written in capitals, several slashes become one, and dot
/// segments are resolved."
#[test]
fn what_servers_take_for_one_path_has_one_form() {
    let forms = [
        ("/", "/"),
        ("//", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/a/.", "/a/"),
        ("/a/b/..", "/a/"),
        ("/a/../b", "/b"),
        ("/%61%2D", "/a-"),
        ("/a%3ab", "/a%3Ab"),
        ("/a?x=/../y#z", "/a"),
    ];
    for (path, normal) in forms {
        assert_eq!(normal_path(path).as_deref(), Some(normal), "{path}");
    }
}

/// "A path that climbs above the root, or holds an escaped slash, a backslash, a control character or
/// a broken escape, has none."
#[test]
fn what_servers_disagree_about_has_no_form() {
    for path in ["", "a", "/..", "/a%2fb", "/a%5Cb", "/a\\b", "/%0", "/%zz", "/%00", "/a\u{7}", "*"]
    {
        assert_eq!(normal_path(path), None, "{path}");
    }
}

#[test]
fn a_normal_form_is_its_own() {
    for path in ["/a/%2E%2e/b/./c//", "/%7Euser/%20x", "/\u{fc}/..;/x"] {
        let normal = normal_path(path);
        assert_eq!(normal.as_deref().and_then(normal_path), normal, "{path}");
    }
}
