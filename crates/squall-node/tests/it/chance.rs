//! Golden values: a change here is a new version of the plan format.

use squall_node::{Random, Rules, draw_key, hash_text, mix, word};

use crate::rig::{N1, Puppet, Rig};

#[test]
fn the_functions_are_what_plans_were_made_with() {
    assert_eq!(mix(0), 0);
    let golden = [
        mix(1),
        draw_key(1, 2, 3, 4),
        word(5, 6, 7),
        hash_text(""),
        hash_text("append"),
        hash_text("a name of more than eight bytes"),
        Random::new(42).next_u64(),
    ];
    assert_eq!(golden, GOLDEN);
}

const GOLDEN: [u64; 7] = [
    6_238_072_747_940_578_789,
    3_215_937_360_990_090_607,
    11_534_915_580_767_252_278,
    16_294_208_416_658_607_535,
    9_673_243_675_512_247_959,
    6_503_956_271_931_856_017,
    10_946_711_343_035_318_437,
];

#[test]
fn the_first_words_agree_with_splitmix64() {
    // The generator of Steele, Lea and Flood with seed 0: 0xe220a8397b1dcdaf comes first.
    assert_eq!(mix(0x9E37_79B9_7F4A_7C15), 0xE220_A839_7B1D_CDAF);
}

#[test]
fn a_generator_stays_in_its_bounds() {
    let mut random = Random::new(1);
    for bound in [1, 2, 3, 10, 1000] {
        let mut seen = vec![false; usize::try_from(bound).unwrap()];
        for _ in 0..bound * 20 {
            seen[usize::try_from(random.below(bound)).unwrap()] = true;
        }
        assert!(seen.iter().all(|&it| it), "every number below {bound} comes up");
    }
    assert_eq!(random.below(0), 0);
    assert_eq!(random.range(5..5), 5);
    #[allow(clippy::reversed_empty_ranges, reason = "an empty range gives its start")]
    let backwards = random.range(9..5);
    assert_eq!(backwards, 9);
    assert_eq!(random.pick::<u8>(&[]), None);
    assert!(!random.chance_ppm(0) && random.chance_ppm(1_000_000));
    let mut items: Vec<u32> = (0..50).collect();
    random.shuffle(&mut items);
    assert_ne!(items, (0..50).collect::<Vec<_>>());
    items.sort_unstable();
    assert_eq!(items, (0..50).collect::<Vec<_>>());
}

/// Which of 64 turns misbehave in this life.
fn misbehaved(seed: u64, incarnation: u32) -> Vec<String> {
    let node = Puppet::new(|ctx, _| {
        for n in 0..64 {
            if ctx.buggify("forget") {
                ctx.send(N1, &crate::rig::word("forgot", n));
            }
        }
    });
    Rig::new(node, incarnation, Rules { buggify: Some(seed), ..Rules::default() }).start()
}

#[test]
fn every_life_misbehaves_in_its_own_way() {
    let enabled: Vec<u64> = (0..40).filter(|&seed| !misbehaved(seed, 0).is_empty()).collect();
    assert!((4..18).contains(&enabled.len()), "a quarter of the runs: {enabled:?}");
    for seed in enabled {
        let lives = [0, 1, 2].map(|incarnation| misbehaved(seed, incarnation));
        assert!(lives.iter().all(|life| (6..28).contains(&life.len())), "a quarter of the time");
        assert!(lives[0] != lives[1] && lives[1] != lives[2] && lives[0] != lives[2], "{seed}");
        assert_eq!(lives[1], misbehaved(seed, 1), "and does so again");
    }
}
