//! Lists of the children of each parent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_testkit::SplitMix;

use crate::{
    flow::{set, source},
    stream::{Asked, Server, Stream},
};

/// Parents, each with the ids of its children. A parent tells how many changes there were.
#[derive(Default)]
struct Tree {
    parents: BTreeMap<u64, Vec<u64>>,
}

type Shared = Arc<Mutex<Tree>>;

fn answer(tree: &Tree, asked: &Asked) -> Response {
    let after = asked.number("after").unwrap_or(0);
    let limit = asked.number("limit").unwrap() as usize;
    let data: Vec<Value> = match asked.path.split('/').collect::<Vec<_>>()[..] {
        ["", "parents"] => {
            let parents = tree.parents.iter().filter(|(id, _)| **id > after).take(limit);
            let parent = |(id, children): (&u64, &Vec<u64>)| json!({ "id": id, "name": format!("p {id}"), "changes": children.len() });
            parents.map(parent).collect()
        }
        ["", "parents", name, "children"] => {
            let id: u64 = name.strip_prefix("p%20").unwrap().parse().unwrap();
            let Some(children) = tree.parents.get(&id) else {
                return StatusCode::NOT_FOUND.into_response();
            };
            let children = children.iter().filter(|id| **id > after).take(limit);
            children.map(|child| json!({ "id": child })).collect()
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    Json(json!({ "data": data })).into_response()
}

async fn api(parents: BTreeMap<u64, Vec<u64>>) -> (Server, Shared) {
    let tree = Arc::new(Mutex::new(Tree { parents }));
    let shared = tree.clone();
    let server = Server::start(move |_, asked| answer(&tree.lock().unwrap(), asked)).await;
    (server, shared)
}

fn spec(server: &Server) -> Value {
    let pagination = json!({ "last_id": { "param": "after", "size_param": "limit" } });
    json!({
        "url": format!("{}/parents/${{parent.name}}/children", server.base),
        "records": "data",
        "cursor": { "by": "id" },
        "pagination": pagination,
        "page_size": 50,
        "for_each": {
            "url": format!("{}/parents", server.base),
            "records": "data",
            "pagination": pagination,
            "page_size": 50,
        },
    })
}

/// Parents with 0 to `most` children each.
fn parents(count: u64, most: u64, rng: &mut SplitMix) -> BTreeMap<u64, Vec<u64>> {
    (1..=count).map(|id| (id, (1..=rng.below(most + 1)).collect())).collect()
}

fn expected(tree: &Shared) -> Vec<String> {
    let tree = tree.lock().unwrap();
    let all = tree.parents.iter();
    let mut ids: Vec<String> = all
        .flat_map(|(id, children)| children.iter().map(move |child| format!("{id}/{child}")))
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn the_children_of_every_parent_are_read_and_a_second_run_asks_only_what_it_must() {
    let mut rng = SplitMix::new(7);
    let (server, tree) = api(parents(200, 120, &mut rng)).await;
    let plain = source(spec(&server));
    let mut stream = Stream::default();
    stream.run(&*plain, 900).await;
    assert_eq!(stream.ids(), expected(&tree));
    // One request a parent, from the last child on, and the list of parents.
    let before = server.requests();
    tree.lock().unwrap().parents.get_mut(&17).unwrap().extend([1_000, 1_001]);
    assert!(stream.invoke(&*plain, 9_000).await);
    assert_eq!(stream.ids(), expected(&tree));
    let asked = server.requests() - before;
    assert!((200..=207).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_parent_that_tells_of_no_change_is_not_asked_for_its_children() {
    let mut rng = SplitMix::new(8);
    let (server, tree) = api(parents(200, 60, &mut rng)).await;
    let mut spec = spec(&server);
    set(&mut spec, "for_each.changed", "changes");
    let source = source(spec);
    let mut stream = Stream::default();
    stream.run(&*source, 900).await;
    assert_eq!(stream.ids(), expected(&tree));
    {
        let mut tree = tree.lock().unwrap();
        tree.parents.get_mut(&100).unwrap().push(5_000);
        tree.parents.insert(201, vec![1, 2]);
        tree.parents.remove(&3);
    }
    let before = server.requests();
    assert!(stream.invoke(&*source, 9_000).await);
    let asked = server.requests() - before;
    assert!(asked <= 5 + 2 * 2, "{asked}: the parents, and the children of two");
    let delivered = stream.ids();
    assert!(expected(&tree).iter().all(|id| delivered.contains(id)));
    // Nothing has changed: the parents alone.
    let (before, head) = (server.requests(), stream.head.clone());
    assert!(stream.invoke(&*source, 9_000).await);
    assert!(server.requests() - before <= 5);
    assert_eq!(stream.delivered.len(), delivered.len());
    let _ = head;
}

#[tokio::test]
async fn wherever_a_sweep_is_cut_and_whatever_is_added_no_child_is_lost() {
    for seed in 0..8 {
        let mut rng = SplitMix::new(seed);
        let count = 4 + rng.below(9);
        let (server, tree) = api(parents(count, 40, &mut rng)).await;
        let mut spec = spec(&server);
        set(&mut spec, "page_size", 15);
        if rng.below(2) == 0 {
            set(&mut spec, "for_each.changed", "changes");
        }
        let source = source(spec);
        let mut stream = Stream::default();
        // Positions that were kept: a crash goes back to one of them.
        let mut kept = vec![stream.head.clone()];
        for _ in 0..25 {
            stream.invoke(&*source, 1 + rng.below(60) as usize).await;
            kept.push(stream.head.clone());
            if rng.below(4) == 0 {
                kept.truncate(kept.len().saturating_sub(rng.below(3) as usize).max(1));
                stream.head = kept.last().unwrap().clone();
            }
            let mut tree = tree.lock().unwrap();
            let id = 1 + rng.below(count);
            let children = tree.parents.entry(id).or_default();
            let next = children.last().map_or(1, |last| last + 1);
            children.push(next);
        }
        for _ in 0..25 {
            let head = stream.head.clone();
            let ended = stream.invoke(&*source, 100).await;
            if ended && stream.head == head {
                break;
            }
        }
        let mut ids: Vec<String> =
            stream.delivered.iter().map(|record| record.id.to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids, expected(&tree), "seed {seed}");
    }
}

#[tokio::test]
async fn a_child_gets_its_parent_where_the_flow_says_so() {
    let (server, _) = api([(4, vec![9])].into()).await;
    let mut spec = spec(&server);
    set(&mut spec, "for_each.embed", "parent");
    let mut stream = Stream::default();
    assert!(stream.invoke(&*source(spec), 9).await);
    let record: Value = serde_json::from_slice(&stream.delivered[0].data).unwrap();
    assert_eq!(record, json!({ "id": 9, "parent": { "id": 4, "name": "p 4", "changes": 1 } }));
}

#[tokio::test]
async fn a_parent_that_lacks_what_its_children_are_asked_for_by_halts() {
    let (server, _) = api([(4, vec![9])].into()).await;
    let mut spec = spec(&server);
    set(&mut spec, "url", format!("{}/parents/${{parent.slug}}/children", server.base));
    let error = Stream::default().try_invoke(&*source(spec), 9).await.unwrap_err().to_string();
    assert!(error.contains("the parent 4 cannot be asked for: it has no `slug`"), "{error}");
}
