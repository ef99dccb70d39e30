//! A connection whose script is with a script thread, or waits for one. It reads and executes nothing meanwhile, as while a script runs on its worker; the
//! worker's other connections go on.

use super::blocked;
use super::connection::Connection;
use super::local::Local;
use crate::command::Services;
use crate::resp::writer::Writer;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// How often it is looked whether those that go before have become too slow to be waited for.
const LOOK: Duration = Duration::from_millis(100);

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Ready when the reply is among what is to be sent.
    pub(super) fn poll_aside(&mut self, cx: &mut Context<'_>, local: &mut Local, services: &Services) -> Poll<()> {
        let Some(claim) = &mut self.aside else { return Poll::Ready(()) };
        loop {
            if let Poll::Ready(finished) = claim.poll(cx) {
                self.aside = None;
                self.timer = None;
                if finished.is_too_large {
                    tracing::warn!(
                        client = self.session.client.id,
                        "closed: its replies passed output-buffer-hard-limit"
                    );
                    self.close();
                } else if blocked::is_wanted(&mut self.session.reply_mode) {
                    self.output.extend_from_slice(&finished.reply);
                }
                if finished.depends_on != 0 && !services.aof.log().is_settled(finished.depends_on) {
                    self.depends_on = finished.depends_on;
                }
                self.publish();
                return Poll::Ready(());
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(LOOK)));
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
            // Who waits is not idle.
            self.session.client.last_active.store(services.clock.ticks().0, Ordering::Relaxed);
            if !claim.has_begun() && local.worker().is_busy() && claim.take_back() {
                self.aside = None;
                let hard_limit = services.config.live.output_buffer_hard_limit.get();
                let mut writer = Writer::new(&mut self.output, self.session.protocol, hard_limit);
                local.worker().refuse_busy(&self.session, &mut writer);
                return Poll::Ready(());
            }
        }
    }
}
