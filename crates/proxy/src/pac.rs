//! The proxy configuration file for browsers and devices.

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacConfig {
    /// Host and port of the proxy as devices reach it.
    pub proxy: String,
    /// Further proxies to try in order when the first does not answer.
    pub fallbacks: Vec<String>,
    /// Host names, with everything below them, that devices reach without the proxy: the school's
    /// own services. Never the internet.
    pub direct: Vec<String>,
}

/// The text of the file (`application/x-ns-proxy-autoconfig`). It fails to the proxy: when no
/// proxy answers there is no connection, never a way round the filter. Browsers pass only the
/// host of an `https` address to it, so that it decides by host alone.
pub fn pac(config: &PacConfig) -> String {
    let proxies: Vec<String> = std::iter::once(&config.proxy)
        .chain(&config.fallbacks)
        .map(|proxy| format!("PROXY {}", script_text(proxy)))
        .collect();
    let mut text =
        String::from("function FindProxyForURL(url, host) {\n  host = host.toLowerCase();\n");
    text.push_str("  if (host === \"localhost\" || host === \"127.0.0.1\" || host === \"[::1]\") return \"DIRECT\";\n");
    for name in &config.direct {
        let name = script_text(name.trim_start_matches('.'));
        text.push_str(&format!(
            "  if (host === \"{name}\" || dnsDomainIs(host, \".{name}\")) return \"DIRECT\";\n"
        ));
    }
    text.push_str(&format!("  return \"{}\";\n}}\n", proxies.join("; ")));
    text
}

/// Only what a host, port or address is made of; the rest cannot get into the script.
fn script_text(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_'))
        .collect::<String>()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-17: with the filter gone a device gets no connection, not an unfiltered one.
    #[test]
    fn fil_17_the_file_never_falls_back_to_direct() {
        let text = pac(&PacConfig {
            proxy: "proxy.harbourmouth.sch.example:3128".to_owned(),
            fallbacks: vec!["10.0.0.2:3128".to_owned()],
            direct: vec![
                "mis.harbourmouth.sch.example".to_owned(),
                "x\"; return \"DIRECT".to_owned(),
            ],
        });
        let last = text.lines().rev().nth(1).unwrap();
        assert_eq!(
            last,
            "  return \"PROXY proxy.harbourmouth.sch.example:3128; PROXY 10.0.0.2:3128\";"
        );
        assert!(text.contains("dnsDomainIs(host, \".mis.harbourmouth.sch.example\")"));
        assert!(!text.contains("; return \"DIRECT\""), "{text}");
    }
}
