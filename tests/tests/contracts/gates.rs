//! The gate before the destination.

use tidegate_core::{
    model::Gate,
    ports::{CursorStore, Gates},
};

use super::{contract, in_parallel, other_stream, stream};

contract!(
    a_gate_is_open_until_it_is_shut,
    shutting_keeps_the_longer_time,
    shutting_again_changes_nothing,
    opening_forgets_all,
    a_probe_of_what_changed_is_not_ours;
    once_only:
    a_probe_shuts_the_gate_for_the_others,
    the_first_probe_may_be_of_an_open_gate,
    of_fifty_one_probes,
);

async fn gate<S: CursorStore>(store: &S) -> Gate {
    store.load(&stream(), &[]).await.unwrap().1
}

fn shut(shut_until_ms: i64, failures: u32) -> Gate {
    Gate { shut_until_ms, failures }
}

async fn a_gate_is_open_until_it_is_shut<S: CursorStore + Gates>(store: &S) {
    assert_eq!(gate(store).await, Gate::default());
    store.shut(&stream(), 100, 1).await.unwrap();
    assert_eq!(gate(store).await, shut(100, 1));
    assert_eq!(store.load(&other_stream(), &[]).await.unwrap().1, Gate::default());
}

async fn shutting_keeps_the_longer_time<S: CursorStore + Gates>(store: &S) {
    store.shut(&stream(), 100, 3).await.unwrap();
    store.shut(&stream(), 90, 0).await.unwrap();
    assert_eq!(gate(store).await, shut(100, 3));
    store.shut(&stream(), 110, 0).await.unwrap();
    assert_eq!(gate(store).await, shut(110, 0));
}

async fn shutting_again_changes_nothing<S: CursorStore + Gates>(store: &S) {
    for _ in 0..2 {
        store.shut(&stream(), 100, 1).await.unwrap();
        assert_eq!(gate(store).await, shut(100, 1));
    }
}

async fn opening_forgets_all<S: CursorStore + Gates>(store: &S) {
    store.shut(&stream(), 100, 1).await.unwrap();
    for _ in 0..2 {
        store.open(&stream()).await.unwrap();
        assert_eq!(gate(store).await, Gate::default());
    }
    store.shut(&stream(), 50, 1).await.unwrap();
    assert_eq!(gate(store).await, shut(50, 1));
}

async fn a_probe_shuts_the_gate_for_the_others<S: CursorStore + Gates>(store: &S) {
    store.shut(&stream(), 100, 2).await.unwrap();
    let seen = gate(store).await;
    assert_eq!(store.probe(&stream(), seen, 150).await, Ok(true));
    assert_eq!(gate(store).await, shut(150, 2));
    assert_eq!(store.probe(&stream(), seen, 150).await, Ok(false));
    assert_eq!(store.probe(&stream(), gate(store).await, 200).await, Ok(true));
}

async fn the_first_probe_may_be_of_an_open_gate<S: CursorStore + Gates>(store: &S) {
    assert_eq!(store.probe(&stream(), Gate::default(), 150).await, Ok(true));
    assert_eq!(gate(store).await, shut(150, 0));
    assert_eq!(store.probe(&stream(), Gate::default(), 150).await, Ok(false));
}

async fn a_probe_of_what_changed_is_not_ours<S: CursorStore + Gates>(store: &S) {
    assert_eq!(store.probe(&stream(), shut(100, 1), 150).await, Ok(false));
    store.shut(&stream(), 100, 1).await.unwrap();
    for seen in [shut(100, 2), shut(99, 1), Gate::default()] {
        assert_eq!(store.probe(&stream(), seen, 150).await, Ok(false));
    }
    assert_eq!(gate(store).await, shut(100, 1));
    store.open(&stream()).await.unwrap();
    assert_eq!(store.probe(&stream(), shut(100, 1), 150).await, Ok(false));
}

async fn of_fifty_one_probes<S: CursorStore + Gates>(store: &S) {
    store.shut(&stream(), 100, 2).await.unwrap();
    let probes =
        in_parallel(50, async |_| store.probe(&stream(), shut(100, 2), 150).await.unwrap());
    assert_eq!(probes.iter().filter(|ours| **ours).count(), 1);
}
