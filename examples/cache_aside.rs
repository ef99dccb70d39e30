//! A cache beside a slow source: read the cache first, fill it on a miss, delete from it what has changed.
//!
//! ```text
//! cargo run --release --example cache_aside [redis://host:port]
//! ```
//! Each entry has a time to live, so that a reader who lost a race (it read the source, the source changed, the entry was deleted, and
//! only then it filled the cache) serves the old value for that long at most.

use redis::{Commands, Connection, ExistenceCheck, RedisResult, SetExpiry, SetOptions};

const PREFIX: &str = "example:cache_aside:article:";
const TTL_MS: u64 = 3_600_000;

const ARTICLES: usize = 100;
const READS: usize = 5_000;
/// After so many reads an article is edited.
const READS_PER_EDIT: usize = 250;

#[expect(clippy::disallowed_macros, reason = "an example talks to its reader")]
fn main() -> RedisResult<()> {
    let address = std::env::args().nth(1).or_else(|| std::env::var("TALLY_URL").ok());
    for line in run(address.as_deref().unwrap_or("redis://127.0.0.1:6379"))? {
        println!("{line}");
    }
    Ok(())
}

/// Reads articles, a few of them far more often than the others, edits some meanwhile, and says how often the source was asked.
pub fn run(url: &str) -> RedisResult<Vec<String>> {
    let mut library = Library {
        connection: redis::Client::open(url)?.get_connection()?,
        versions: [1; ARTICLES],
        hits: 0,
        misses: 0,
    };
    library.forget_all()?;

    for number in 0..READS {
        let article = popular(number);
        if number % READS_PER_EDIT == READS_PER_EDIT - 1 {
            library.edit(article)?;
        }
        let text = library.read(article)?;
        assert_eq!(text, library.source(article), "an edit is seen by the next read");
    }

    let (hits, misses) = (library.hits, library.misses);
    assert_eq!(hits + misses, READS, "every read is a hit or a miss");
    assert!(misses <= ARTICLES + READS / READS_PER_EDIT, "an article is computed once, and once after each edit");
    let left_ms: i64 = library.connection.pttl(key(popular(0)))?;
    assert!((0..=TTL_MS as i64).contains(&left_ms), "what nobody asks for is forgotten");
    library.forget_all()?;

    Ok(vec![
        format!("{READS} reads of {ARTICLES} articles: {hits} hits, {misses} misses"),
        format!("hit ratio {:.1} %", 100.0 * hits as f64 / READS as f64),
        format!("the first article would have been kept for another {left_ms} ms"),
    ])
}

/// Articles that are slow to compute, and the cache beside them.
struct Library {
    connection: Connection,
    versions: [u32; ARTICLES],
    hits: usize,
    misses: usize,
}

impl Library {
    /// The article, from the cache if it is there.
    fn read(&mut self, article: usize) -> RedisResult<String> {
        let cached: Option<String> = self.connection.get(key(article))?;
        if let Some(text) = cached {
            self.hits += 1;
            return Ok(text);
        }
        self.misses += 1;
        let text = self.source(article);
        // NX: of two who missed at once, the first fills the cache; a later and perhaps older text does not replace it.
        let if_missing =
            SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(SetExpiry::PX(TTL_MS));
        self.connection.set_options::<_, _, ()>(key(article), &text, if_missing)?;
        Ok(text)
    }

    /// Changes the article at its source first and only then deletes it from the cache: the other way round, a reader in
    /// between would put the old text back.
    fn edit(&mut self, article: usize) -> RedisResult<()> {
        self.versions[article] += 1;
        self.connection.del(key(article))
    }

    /// Stands for a query that takes long.
    fn source(&self, article: usize) -> String {
        format!("article {article}, version {}", self.versions[article])
    }

    fn forget_all(&mut self) -> RedisResult<()> {
        self.connection.del((0..ARTICLES).map(key).collect::<Vec<_>>())
    }
}

fn key(article: usize) -> String {
    format!("{PREFIX}{article}")
}

/// Which article the reader with this number wants: low ones often, high ones rarely.
fn popular(number: usize) -> usize {
    let spread = number * 7_919 % 10_007;
    ARTICLES * spread / 10_007 * spread / 10_007
}
