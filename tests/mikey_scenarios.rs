//! The scenes of `examples/mikey_scenarios`, each by its name. A check in them that fails is an error.
#![allow(clippy::unwrap_used)]

#[path = "../examples/mikey_scenarios/content.rs"]
mod content;
#[path = "../examples/mikey_scenarios/hostile.rs"]
mod hostile;
#[path = "../examples/mikey_scenarios/scenes.rs"]
mod scenes;
#[path = "../examples/mikey_scenarios/services.rs"]
mod services;
#[path = "../examples/mikey_scenarios/world.rs"]
mod world;

/// One test for each scene, and a check that none is without.
macro_rules! scenes {
    ($($test:ident $name:literal)*) => {
        $(
            #[test]
            fn $test() {
                let (.., scene) = scenes::ALL.iter().find(|(name, ..)| *name == $name).unwrap();
                scene(&world::World::new().unwrap()).unwrap();
            }
        )*

        #[test]
        fn every_scene_is_played() {
            let known: Vec<&str> = scenes::ALL.iter().map(|(name, ..)| *name).collect();
            assert_eq!(known, [$($name),*]);
        }
    };
}

scenes! {
    plain "plain"
    forking "forking"
    redirect "redirect"
    retarget "retarget"
    deferred "deferred"
    pre_encoded "pre-encoded"
    message "message"
    push_to_talk "push-to-talk"
    early_media "early-media"
    conference "conference"
    transcoder "transcoder"
    hostile_proxy "hostile-proxy"
}
