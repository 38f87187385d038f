//! A shelf that a test looks at, and makes fail.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use tidegate_core::{
    model::{Stored, StoredKey},
    ports::{BoxFuture, KeyValueStore, Swap, Unavailable},
};
use tidegate_testkit::MemoryStore;

/// A shelf that counts its calls, and may give no answer.
#[derive(Default)]
pub struct Spy {
    pub inner: MemoryStore,
    pub calls: AtomicUsize,
    pub kept: Mutex<Vec<(StoredKey, Stored)>>,
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

impl KeyValueStore for Spy {
    fn get<'a>(
        &'a self,
        keys: &'a [StoredKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Stored>>, Unavailable>> {
        Box::pin(self.call(|| self.inner.get_now(keys)))
    }

    fn put<'a>(
        &'a self,
        items: &'a [(StoredKey, Stored)],
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(self.call(|| {
            self.kept.lock().unwrap().extend_from_slice(items);
            self.inner.put_now(items);
        }))
    }

    fn compare_and_swap<'a>(
        &'a self,
        _: &'a StoredKey,
        _: Option<&'a Stored>,
        _: &'a Stored,
    ) -> BoxFuture<'a, Result<Swap, Unavailable>> {
        panic!("a look-up never swaps")
    }
}
