//! The self-check's hands: real questions and real requests to the faces, from loopback addresses of
//! the check's own.

mod carry;
mod door;
mod names;
mod sites;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pharos_proxy::CertificateAuthority;
use pharos_service::{Asking, Desk, Prober, Reach, Seen, Way};

use carry::Trust;
pub(crate) use door::Listening;

/// How long one probe may take.
const PROBE_MAX: Duration = Duration::from_secs(6);

/// Reaches the faces where they listen.
pub(crate) struct FaceProber {
    listening: Listening,
    trust: Trust,
    /// Where a block page's reference is kept: what stands on no page of ours is not our block.
    desk: Arc<Desk>,
    /// The base of links on block pages.
    web: String,
}

impl FaceProber {
    /// `authority`: whose certificates the faces show, and no other.
    pub(crate) fn new(
        listening: Listening,
        authority: &CertificateAuthority,
        desk: Arc<Desk>,
        web: &str,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            listening,
            trust: Trust::only(authority)?,
            desk,
            web: web.trim_end_matches('/').to_owned(),
        })
    }

    async fn try_one(&self, from: IpAddr, asking: &Asking) -> std::io::Result<Seen> {
        let Some(door) = self.listening.door(asking.way) else {
            return Ok(not_tried("this face is off"));
        };
        match asking.way {
            Way::Hand => Ok(not_tried("only people try by hand")),
            Way::Proxy | Way::Connect | Way::Transparent => {
                let visit = sites::Visit {
                    from,
                    door,
                    trust: &self.trust,
                    desk: &self.desk,
                    web: &self.web,
                };
                visit.go(asking).await
            }
            Way::Dns | Way::DnsTcp | Way::Dot | Way::Doh | Way::DohDevice => {
                let line = carry::Line {
                    from,
                    door,
                    way: asking.way,
                    trust: &self.trust,
                    name: self.listening.dns_name.as_deref(),
                    device: asking.device.as_deref(),
                };
                names::look_up(&line, asking).await
            }
        }
    }
}

#[async_trait]
impl Prober for FaceProber {
    fn reach(&self, way: Way) -> Reach {
        self.listening.reach(way)
    }

    async fn probe(&self, from: IpAddr, asking: &Asking) -> Seen {
        match tokio::time::timeout(PROBE_MAX, self.try_one(from, asking)).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => not_tried(&error.to_string()),
            Err(_) => not_tried("the face did not answer in time"),
        }
    }
}

fn not_tried(why: &str) -> Seen {
    Seen::NotTried(why.to_owned())
}
