// Does the index find what was put in, whatever the numbers?

import Testing

@testable import Pooling

struct SlotIndexTests {
    /// Few different numbers make long runs; large ones use all bits.
    @Test(arguments: [0xff, 0x7fff_ffff_ffff_ffff, 0x0f << 40] as [Int], [1, 2] as [UInt64])
    func agreesWithADictionary(mask: Int, seed: UInt64) {
        var random = SplitMix64(state: seed)
        var index = SlotIndex(minimumCapacity: 0)
        var model: [Int: Int32] = [:]
        for step in Int32(0)..<5000 {
            let key = Int(truncatingIfNeeded: random.next()) & mask
            if model[key] != nil, Bool.random(using: &random) {
                index.remove(key)
                model[key] = nil
            } else if let known = model.keys.sorted().randomElement(using: &random), model.count > 100 {
                index.remove(known)
                model[known] = nil
            } else {
                #expect(index.insert(key, slot: step) == (model[key] == nil))
                if model[key] == nil { model[key] = step }
            }
            #expect(index.count == model.count)
        }
        for (key, slot) in model { #expect(index.slot(of: key) == slot) }
        #expect(index.slot(of: -1) == nil)
    }
}
