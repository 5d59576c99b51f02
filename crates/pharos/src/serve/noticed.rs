//! What the proxy noticed, for the pages: what it could not look into, and browsers that are not
//! permitted.

use std::sync::Arc;

use pharos_proxy::View;
use pharos_service::{
    App, AskBrowsers, AskUnopened, Noticed, NoticedCounts, StrangeBrowser, Unopened,
};

/// Lets the pages ask the proxy.
pub(super) fn tell(app: &App, view: &View) {
    let own = view.clone();
    app.tell_noticed(Noticed(Arc::new(move || {
        let figures = own.figures();
        NoticedCounts {
            distrusted: figures.distrusted,
            hidden_names: figures.hidden_names,
            unscanned: figures.downloads_unscanned,
            scanner_away: own.scanner_is_away(),
        }
    })));
    let own = view.clone();
    app.tell_unopened(AskUnopened(Arc::new(move || {
        let proposals = own.proposals().into_iter();
        proposals
            .map(|one| Unopened {
                host: one.host.into(),
                distrusted: one.distrusted,
                left: one.left,
                client_certificate: one.client_certificate,
                devices: one.devices,
                last: one.last,
            })
            .collect()
    })));
    let own = view.clone();
    app.tell_browsers(AskBrowsers(Arc::new(move || {
        let strangers = own.strangers().into_iter();
        strangers
            .map(|one| StrangeBrowser {
                kind: one.browser.name(),
                token: one.token.into(),
                requests: one.requests,
                blocked: one.blocked,
                devices: one.devices,
                more_devices: one.more_devices,
                last: one.last,
            })
            .collect()
    })));
}
