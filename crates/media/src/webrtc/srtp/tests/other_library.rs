//! What another implementation (libsrtp, by pylibsrtp 1.0.0, run once by hand) makes of the keys and packets of this folder.
//! It shows what the RFCs' vectors leave out: the derivation of GCM's session keys, tags of HMAC-SHA1, the rollover counter,
//! and headers with a contributing source and an extension.

use super::*;

/// What follows on the header of: an RTP packet with sequence number 65,535, one with 0 after the rollover, an SRTCP
/// packet with index 1 (receiver report and PLI), and one with index 2 (receiver report).
type Sealed = [&'static str; 4];

/// By profile; the client's, then the server's.
const SEALED: [[Sealed; 2]; 3] = [
    [
        [
            "51903af8c13a8d7b7b8926fa7cf1c7730eb7ba7cbe0375cb2bbb358b0476fb",
            "8c45f56c5d448970c5ae06b6b1142941c522d36ad3e3900085a4862609fb70",
            "b9160a8c34f11c92072ad8e980000001adfe2309d953c766138a",
            "80000002e137e204a2c22b066220",
        ],
        [
            "76b7211d699889cc3defb7069d60b328a7ca52a636ba851db9cab79f8d906e",
            "21592907424ac7f8c0f35000d7bf41cb54263cd7b161f03e8c97bc9c108ce8",
            "e688a801de140ee2ddb49e5480000001354a05b1bc2ed28752aa",
            "80000002f66af27072fa69fd8169",
        ],
    ],
    [
        [
            "672ff1a0e499f3fcb1cb5f693fd47fe55df9277228f38ce358d98a581894ea1356e98e9f41",
            "c5ef7338d06552302ac1e58cfa700ed7dde6caf7667d1339d4d1f24ee23d5af79c832f5b52",
            "c354761b5ee7d7661fb6868e25d3a33efae95ab920aee8922f9579c680000001",
            "7bd899033f1e41756673ccc712dbf69280000002",
        ],
        [
            "9d896c3d460c296e586970d2adab5e260e62aaf0ab872aba139f605ee33173cab66066d9d8",
            "1f2a0eeaff0ef40390864d8ee6bd6066d5bbb879ced9ecc13bc63245cb052709391ac6f6a5",
            "5de6dd70992141cb7b64b38e03d82827c9c1fbc17d244beba5c692fb80000001",
            "28e2fbaca44138ebc49058a42b2c9e4180000002",
        ],
    ],
    [
        [
            "187a21436f05f7bf44383ca585b9edd854c63252b8fa0b72b7d907df4333585cf6f92d86b1",
            "761d6b82e613804573e588c69885805fc1ff59aa84423e71135628f5616525b08cf6c07547",
            "3e53031249a09a9a7e670ecfdf54e546e3538ee62fe65855a6bfe80280000001",
            "e794a90f4e5c480baa9bde21402ee58380000002",
        ],
        [
            "ed67d15447e4d228b886ea7998612ceed63981dd5144f1e05a316fa934b136dd271e0fd290",
            "b584d65981da84d9203f30f14bb445d37c0029131f19dc72726bc80a9abdfc8219fb8cf9d6",
            "4874fdf789004d235d76074d1ae2a66df3423425193e11278c92cdba80000001",
            "49e6d10379c6cd9cd9c329a714f6d88580000002",
        ],
    ],
];

/// A receiver report, and a request for a key frame (PLI) behind it.
fn compounds() -> [Vec<u8>; 2] {
    let pli = hex("81ce0002 cafebabe 00000005");
    [rtcp(SSRC, &pli), rtcp(SSRC, &[])]
}

#[test]
fn both_libraries_seal_alike() {
    let payload: Vec<u8> = (1..22).collect();
    for (profile, sealed) in PROFILES.into_iter().zip(SEALED) {
        let (client, server) = keys(profile);
        for (key, sealed) in [client, server].into_iter().zip(sealed) {
            let mut sealer = Sealer::new(&key).unwrap();
            let mut opener = Opener::new(&key).unwrap();
            for (index, expected) in [65_535, 65_536].into_iter().zip(sealed) {
                let packet = sealed_rtp(&mut sealer, index, &payload);
                assert_eq!(packet[HEADER..], hex(expected), "{profile:?} {index}");
                assert_eq!(opened_rtp(&mut opener, &packet, index).unwrap(), rtp(index as u16, &payload));
            }
            // libsrtp's first SRTCP packet has index 1, RFC 3711's 0.
            sealed_rtcp(&mut sealer, &rtcp(SSRC, &[]));
            for (compound, expected) in compounds().iter().zip(&sealed[2..]) {
                let packet = sealed_rtcp(&mut sealer, compound);
                assert_eq!(packet[8..], hex(expected), "{profile:?}");
                assert_eq!(&opened_rtcp(&mut opener, &packet).unwrap(), compound);
            }
        }
    }
}

/// AES-CM's compound in the clear, which libsrtp does not make: its tag is Python's HMAC-SHA1 under the key that Python's
/// `cryptography` derives.
#[test]
fn a_report_of_aes_cm_in_the_clear_opens() {
    let (_, mut opener) = pair(SrtpProfile::Aes128CmSha1);
    let [compound, _] = compounds();
    let sealed = [compound.clone(), hex("00000005 80307f670564f34e3f9a")].concat();
    for bit in 0..8 * sealed.len() {
        let mut bent = sealed.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(opened_rtcp(&mut opener, &bent), None, "bit {bit}");
    }
    assert_eq!(opened_rtcp(&mut opener, &sealed).unwrap(), compound);
    assert_eq!(opened_rtcp(&mut opener, &sealed), None, "twice");
}
