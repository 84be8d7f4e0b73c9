//! The rules against values that others have published.
//!
//! Each table names its source. The values are facts of those sources: what they demand
//! of every implementation.

use forkful_core::compact::CompactError;
use forkful_core::difficulty::{asert, bitcoin};
use forkful_core::merkle::{InclusionProof, leaf_hash, merkle_root};
use forkful_core::{Hash, Target, sha256};
use ruint::aliases::U256;

fn hash(hex: &str) -> Hash {
    hex.parse().unwrap()
}

/// The easiest target of Bitcoin's and Bitcoin Cash's main networks: 32 zero bits.
fn bitcoin_limit() -> Target {
    Target::from_zero_bits(32).unwrap()
}

/// FIPS 180-4, the examples for SHA-256 that NIST publishes with it.
#[test]
fn sha256_of_the_standard() {
    let two_blocks = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
                      hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
    let million = "a".repeat(1_000_000);
    let examples = [
        (
            "",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            "abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            two_blocks,
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        ),
        (
            &million,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        ),
    ];
    for (text, expected) in examples {
        assert_eq!(sha256(text.as_bytes()), hash(expected));
    }
}

/// The eight entries that the Certificate Transparency projects test RFC 6962 with
/// (google/certificate-transparency, `merkletree/merkle_tree_test.cc`).
const CT_ENTRIES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

/// The roots over the first 0, 1, 2 ... 8 of them.
const CT_ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn merkle_roots_of_certificate_transparency() {
    for (count, root) in CT_ROOTS.iter().enumerate() {
        assert_eq!(merkle_root(&CT_ENTRIES[..count]), hash(root), "{count}");
    }
    assert_eq!(leaf_hash(b""), hash(CT_ROOTS[1]));
}

#[test]
fn inclusion_paths_of_certificate_transparency() {
    // The number of the entry from zero, the number of entries, the path.
    let paths: [(u64, usize, &[&str]); 4] = [
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            3,
            &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
        ),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (index, count, path) in paths {
        let entries = &CT_ENTRIES[..count];
        let proof = InclusionProof::of(entries, index).unwrap();
        let path: Vec<Hash> = path.iter().map(|hex| hash(hex)).collect();
        assert_eq!(proof.path, path);
        let entry = entries[usize::try_from(index).unwrap()];
        assert_eq!(proof.verify(entry, &hash(CT_ROOTS[count])), Ok(()));
    }
}

/// Bitcoin Core, `src/test/arith_uint256_tests.cpp`, the values of `SetCompact`. Bitcoin's
/// function hands out zero and negative numbers with a flag; as targets they are refused.
#[test]
fn compact_targets_of_bitcoin() {
    use CompactError::{Negative, Overflow, Zero};

    let zeros = [
        0x0000_0000,
        0x0012_3456,
        0x0100_3456,
        0x0200_0056,
        0x0300_0000,
        0x0400_0000,
        0x0092_3456,
        0x0180_3456,
        0x0280_0056,
        0x0380_0000,
        0x0480_0000,
    ];
    for bits in zeros {
        assert_eq!(Target::from_compact(bits), Err(Zero), "{bits:#x}");
    }
    for bits in [0x01fe_dcba, 0x0492_3456] {
        assert_eq!(Target::from_compact(bits), Err(Negative), "{bits:#x}");
    }
    assert_eq!(Target::from_compact(0xff12_3456), Err(Overflow));

    // The compact form, the number, and the compact form that the number has.
    let targets = [
        (0x0112_3456, U256::from(0x12), 0x0112_0000),
        (0x0212_3456, U256::from(0x1234), 0x0212_3400),
        (0x0312_3456, U256::from(0x12_3456), 0x0312_3456),
        (0x0412_3456, U256::from(0x1234_5600), 0x0412_3456),
        (0x0500_9234, U256::from(0x9234_0000_u64), 0x0500_9234),
        (0x2012_3456, U256::from(0x12_3456) << 232, 0x2012_3456),
    ];
    for (bits, number, canonical) in targets {
        assert_eq!(Target::from_compact(bits), Ok(Target(number)), "{bits:#x}");
        assert_eq!(Target(number).to_compact(), canonical, "{bits:#x}");
    }
    assert_eq!(Target(U256::from(0x80)).to_compact(), 0x0200_8000);
}

/// Bitcoin Core, `src/test/pow_tests.cpp`, the four tests of `CalculateNextWorkRequired`.
#[test]
fn retargets_of_bitcoin() {
    // First and last timestamp of a period, in seconds; its target; the next target.
    let retargets = [
        // No bound applies: blocks 30,240 to 32,255.
        (1_261_130_161, 1_262_152_739, 0x1d00_ffff, 0x1d00_d86a),
        // The easiest target: blocks 0 to 2,015.
        (1_231_006_505, 1_233_061_996, 0x1d00_ffff, 0x1d00_ffff),
        // Faster than the clamp: blocks 66,528 to 68,543.
        (1_279_008_237, 1_279_297_671, 0x1c05_a3f4, 0x1c01_68fd),
        // Slower than the clamp: up to block 46,367, from an invented time.
        (1_263_163_443, 1_269_211_443, 0x1c38_7f6f, 0x1d00_e1fd),
    ];
    for (first, last, bits, expected) in retargets {
        let previous = Target::from_compact(bits).unwrap();
        let timespan = i128::from(last - first);
        let next = bitcoin::next_target(previous, timespan, 1_209_600, 4, bitcoin_limit());
        assert_eq!(next.to_compact(), expected, "{bits:#x}");
    }
}

/// One run of the test vectors of aserti3-2d.
struct AsertRun {
    /// Height of the anchor, timestamp of its parent in seconds, compact target.
    anchor: (u64, i128, u32),
    /// Height and timestamp of a block, and the compact target of the block after it.
    rows: &'static [(u64, i128, u32)],
}

/// Some rows of each of the twelve runs that the specification of 2020-11-15 links to
/// (Bitcoin Cash Node, `qa-assets/test_vectors/aserti3-2d`, `run01` to `run12`).
const ASERT_RUNS: [AsertRun; 12] = [
    // On schedule, at the easiest target, at some target, and at the hardest.
    AsertRun {
        anchor: (1, 0, 0x1d00_ffff),
        rows: &[(2, 1_200, 0x1d00_ffff), (11, 6_600, 0x1d00_ffff)],
    },
    AsertRun {
        anchor: (1, 0, 0x1a2b_3c4d),
        rows: &[(2, 1_200, 0x1a2b_3c4d), (11, 6_600, 0x1a2b_3c4d)],
    },
    AsertRun {
        anchor: (1, 0, 0x0101_0000),
        rows: &[(2, 1_200, 0x0101_0000), (11, 6_600, 0x0101_0000)],
    },
    // From the hardest target, twice as easy with every block.
    AsertRun {
        anchor: (1, 0, 0x0101_0000),
        rows: &[
            (2, 174_000, 0x0102_0000),
            (3, 347_400, 0x0104_0000),
            (57, 9_711_000, 0x0801_0000),
            (113, 19_421_400, 0x0f01_0000),
            (169, 29_131_800, 0x1601_0000),
            (226, 39_015_600, 0x1d00_ffff),
        ],
    },
    // From the easiest target, half as easy with every 288 blocks in no time.
    AsertRun {
        anchor: (1, 0, 0x1d00_ffff),
        rows: &[
            (2, 0, 0x1d00_fec5),
            (290, 0, 0x1c7f_62c0),
            (15_842, 0, 0x1601_fd8b),
            (31_970, 0, 0x0f01_fd8b),
            (48_098, 0, 0x0801_fd8b),
            (64_514, 0, 0x0101_0000),
        ],
    },
    // Random solve times under a steady, a rising and a falling hash rate.
    AsertRun {
        anchor: (1, 0, 0x1802_aee8),
        rows: &[
            (2, 1_200, 0x1802_aee8),
            (3, 1_310, 0x1802_ad91),
            (251, 159_190, 0x1802_c70b),
            (501, 300_620, 0x1802_aef5),
            (751, 457_978, 0x1802_c396),
            (1_001, 589_738, 0x1802_91ad),
        ],
    },
    AsertRun {
        anchor: (1, 0, 0x1802_aee8),
        rows: &[
            (2, 1_200, 0x1802_aee8),
            (3, 1_310, 0x1802_ad91),
            (251, 25_790, 0x1801_a05c),
            (501, 29_563, 0x1800_e793),
            (751, 31_991, 0x1800_801f),
            (1_001, 33_365, 0x1746_9789),
        ],
    },
    AsertRun {
        anchor: (1, 0, 0x1802_aee8),
        rows: &[
            (2, 1_200, 0x1802_aee8),
            (3, 1_310, 0x1802_ad91),
            (126, 498_904, 0x180e_a828),
            (251, 2_114_311, 0x191b_a03b),
            (376, 4_335_064, 0x1b02_4e77),
            (501, 7_462_933, 0x1d00_ffff),
        ],
    },
    // Across 2^31 in height; across 2^63 in height and 2^31 in time.
    AsertRun {
        anchor: (2_147_483_642, 1_234_567_290, 0x1802_aee8),
        rows: &[
            (2_147_483_643, 1_234_568_190, 0x1802_ae16),
            (2_147_483_647, 1_234_569_390, 0x1802_aacd),
            (2_147_483_648, 1_234_569_690, 0x1802_a9fa),
            (2_147_483_652, 1_234_570_890, 0x1802_a6b7),
        ],
    },
    AsertRun {
        anchor: (9_223_372_036_854_775_802, 2_147_483_047, 0x1802_aee8),
        rows: &[
            (9_223_372_036_854_775_803, 2_147_484_547, 0x1802_afbb),
            (9_223_372_036_854_775_807, 2_147_488_147, 0x1802_b30e),
            (9_223_372_036_854_775_808, 2_147_489_047, 0x1802_b3e5),
            (9_223_372_036_854_775_812, 2_147_492_647, 0x1802_b73d),
        ],
    },
    // Random solve times, some negative; then every block one second before its parent.
    AsertRun {
        anchor: (1, 0, 0x1802_aee8),
        rows: &[
            (2, 1_200, 0x1802_aee8),
            (3, 1_496, 0x1802_ae12),
            (4, 1_398, 0x1802_ac28),
            (251, 74_354, 0x1801_f9e0),
            (501, 151_798, 0x1801_7a32),
            (1_001, 293_713, 0x1800_c896),
        ],
    },
    AsertRun {
        anchor: (1, 10_000, 0x1802_aee8),
        rows: &[
            (2, 11_200, 0x1802_aee8),
            (3, 11_199, 0x1802_ad44),
            (2_501, 8_701, 0x1701_a951),
            (5_001, 6_201, 0x1601_06b7),
            (7_501, 3_701, 0x1500_a24c),
            (10_001, 1_201, 0x1364_3f64),
        ],
    },
];

#[test]
fn asert_targets_of_bitcoin_cash() {
    for (run, AsertRun { anchor, rows }) in (1..).zip(&ASERT_RUNS) {
        let &(anchor_height, anchor_parent_time, bits) = anchor;
        let anchor = Target::from_compact(bits).unwrap();
        for &(height, time, expected) in *rows {
            let (time_diff, height_diff) = (time - anchor_parent_time, height - anchor_height);
            let limit = bitcoin_limit();
            let next = asert::next_target(anchor, time_diff, height_diff, 600, 172_800, limit);
            assert_eq!(next.to_compact(), expected, "run {run}, height {height}");
        }
    }
}
