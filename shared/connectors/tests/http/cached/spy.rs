//! A shelf that a test looks at, and makes fail.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use tidegate_core::{
    model::{Kept, ShelfKey},
    ports::{BoxFuture, Shelf, Swap, Unavailable},
};
use tidegate_testkit::MemoryStore;

/// A shelf that counts its calls, and may give no answer.
#[derive(Default)]
pub struct Spy {
    pub inner: MemoryStore,
    pub calls: AtomicUsize,
    pub kept: Mutex<Vec<(ShelfKey, Kept)>>,
    pub fails: AtomicBool,
    pub hangs: AtomicBool,
}

impl Spy {
    pub fn default() -> Arc<Self> {
        Arc::new(<Self as Default>::default())
    }

    async fn call<T>(&self, act: impl FnOnce() -> T) -> Result<T, Unavailable> {
        self.calls.fetch_add(1, SeqCst);
        if self.hangs.load(SeqCst) {
            pending::<()>().await;
        }
        if self.fails.load(SeqCst) {
            return Err(Unavailable("throttled".into()));
        }
        Ok(act())
    }
}

impl Shelf for Spy {
    fn kept<'a>(
        &'a self,
        keys: &'a [ShelfKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, Unavailable>> {
        Box::pin(self.call(|| self.inner.kept_now(keys)))
    }

    fn keep<'a>(&'a self, items: &'a [(ShelfKey, Kept)]) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(self.call(|| {
            self.kept.lock().unwrap().extend_from_slice(items);
            self.inner.keep_now(items);
        }))
    }

    fn swap<'a>(
        &'a self,
        _: &'a ShelfKey,
        _: Option<&'a Kept>,
        _: &'a Kept,
    ) -> BoxFuture<'a, Result<Swap, Unavailable>> {
        panic!("a look-up never swaps")
    }
}
