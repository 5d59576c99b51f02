//! Pages that anybody may see: help, what is watched, licences, how to connect.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pharos_service::SignedIn;

use crate::components::{Details, Summary};
use crate::sheet::{ButtonLink, Piece, Sheet};
use crate::state::{Anyone, Web};

async fn sheet(web: &Web, me: Option<&SignedIn>, title: &str) -> Sheet {
    Sheet::new(web.public_frame(me).await, title)
}

/// `GET /help`
pub(crate) async fn help(State(web): State<Web>, Anyone(me): Anyone) -> Response {
    let school = web.app.school();
    let mut sheet = sheet(&web, me.as_ref(), "Find someone to talk to").await
        .lede("If something online upset you, switch the screen off and tell a grown-up you trust. You will not be in trouble for telling.")
        .add(Piece::Buttons(vec![ButtonLink::warning("/report", "Tell someone at school")]))
        .heading("People outside school")
        .text("You can always reach these. The filter never blocks them, and school staff are not shown that you went there.");
    for service in &school.pack.help {
        let mut facts = Summary::default().row("Who", &service.name);
        if let Some(about) = &service.about {
            facts = facts.row("What for", school.pack.words.fill(about));
        }
        if let Some(call) = &service.call {
            facts = facts.row("Call", call);
        }
        sheet = sheet.add(facts);
        if let Some(site) = service.sites.first() {
            sheet = sheet.add(Piece::Links(vec![(
                format!("https://{site}"),
                format!("Go to {}", service.name),
            )]));
        }
    }
    sheet
        .text("If somebody is in danger right now, call 999.")
        .response()
}

/// `GET /monitoring`: the notice, and the honest limits (FIL-20).
pub(crate) async fn monitoring(State(web): State<Web>, Anyone(me): Anyone) -> Response {
    let school = web.app.school();
    let words = &school.pack.words;
    let kept = vec![
        "which site was asked for, when, and on which device; which page of it, where the filter may look inside".to_owned(),
        "who was signed in, if anybody was, and how sure that is".to_owned(),
        "whether it was let through or blocked, and by which rule".to_owned(),
        "the words of a web search, where the filter may look inside".to_owned(),
    ];
    let uninspected = school.pack.filter.inspection.never_categories.join(", ");
    let never = vec![
        "what pages and messages say: only their address is kept".to_owned(),
        if uninspected.is_empty() {
            "what is inside sites that the school has named as private".to_owned()
        } else {
            format!("anything but the name of sites of these kinds: {uninspected}")
        },
        "visits to help sites, which staff are not shown".to_owned(),
    ];
    sheet(&web, me.as_ref(), "How use is watched here").await
        .lede(format!("{} filters and watches use of its network to keep {} safe. This page says how.", school.name, words.word("pupils")))
        .heading("What is kept")
        .add(Piece::List(kept))
        .heading("What is not kept or shown")
        .add(Piece::List(never))
        .heading("Who can see it")
        .text(format!("The {}, deputies and the {} look when there is a reason, and each look is noted with a name. It is kept for {} days, then deleted; longer only where a case needs it.", words.word("lead"), words.word("technical"), school.activity_days))
        .heading("Why")
        .text("Schools in England must have filtering and monitoring in place (Keeping children safe in education). You can ask the school office what is kept about you.")
        .heading("What no filter can do")
        .text("No filter can promise that everything harmful is stopped. New pages appear every minute, some apps cannot be looked into, and a phone on its own network is not seen here. Teaching, and adults who notice, matter as much.")
        .response()
}

/// The licence of the style sheet's source, as it must travel with it.
const GOVUK_FRONTEND: &str = include_str!("../../assets/LICENCE-govuk-frontend.txt");

/// `GET /licences`
pub(crate) async fn licences(State(web): State<Web>, Anyone(me): Anyone) -> Response {
    sheet(&web, me.as_ref(), "Licences")
        .await
        .text("The look of these pages is built on govuk-frontend. Its licence:")
        .add(Piece::Plain(GOVUK_FRONTEND.to_owned()))
        .response()
}

/// `GET /connect`
pub(crate) async fn connect(
    State(web): State<Web>,
    headers: HeaderMap,
    Anyone(me): Anyone,
) -> Response {
    let facts = &web.network;
    let sheet = sheet(&web, me.as_ref(), "Connect a device").await;
    let Some(proxy) = facts.proxy.for_device(asked_as(&headers)) else {
        return sheet.text("No proxy runs here, so there is nothing to set up. Names are filtered for every device on the network.").response();
    };
    let mut sheet = sheet
        .lede("A device that belongs to the school needs two things: to send its web traffic to the filter, and to trust the school's certificate.")
        .heading("1. Use the filter")
        .add(Summary::default().row("Automatic set-up address", format!("{}/proxy.pac", web.app.web_url())).row("By hand", &proxy));
    if facts.certificate_pem.is_empty() {
        return sheet.text("The filter does not look inside connections here, so there is no certificate to trust.").response();
    }
    sheet = sheet
        .heading("2. Trust the certificate")
        .text("With it the filter can show its pages and look inside connections. Its key never leaves the filter. Compare the fingerprint with the one that the technical team gives you before you trust it.")
        .add(Summary::default().row("SHA-256 fingerprint", &facts.fingerprint))
        .add(Piece::Buttons(vec![ButtonLink::main("/ca.crt", "Download the certificate"), ButtonLink::secondary("/ca.pem", "The same as text (PEM)")]));
    for platform in &facts.trust {
        sheet = sheet
            .heading(&platform.platform)
            .add(Piece::Steps(platform.steps.clone()));
    }
    let own = "Do not set up a phone or computer of your own unless the school asks you to: the certificate lets the school's filter look inside its connections.";
    sheet
        .add(Details {
            summary: "Is it your own device?".to_owned(),
            text: own.to_owned(),
        })
        .response()
}

/// `GET /ca.crt`
pub(crate) async fn certificate(State(web): State<Web>) -> Response {
    file(
        "application/x-x509-ca-cert",
        web.network.certificate_der.clone(),
    )
}

/// `GET /ca.pem`
pub(crate) async fn certificate_text(State(web): State<Web>) -> Response {
    file(
        "application/x-pem-file",
        web.network.certificate_pem.clone().into_bytes(),
    )
}

/// `GET /proxy.pac`
pub(crate) async fn pac(State(web): State<Web>, headers: HeaderMap) -> Response {
    let facts = &web.network;
    let text = facts
        .proxy
        .for_device(asked_as(&headers))
        .zip(facts.pac.0.as_ref())
        .map(|(proxy, pac)| pac(&proxy));
    file(
        "application/x-ns-proxy-autoconfig",
        text.unwrap_or_default().into_bytes(),
    )
}

/// Under which host, and perhaps port, the device asked.
fn asked_as(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

fn file(kind: &'static str, bytes: Vec<u8>) -> Response {
    if bytes.is_empty() {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}
