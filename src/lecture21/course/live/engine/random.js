// A small seeded generator: the same seed gives the same run in every browser.

/** xoshiro128** (Blackman and Vigna 2018): 32 bits in each step, from a state of 128. */
export class Random {
  /** @param {number} seed  a whole number */
  constructor(seed) {
    // As its authors advise, a simpler generator fills the state: the finalizer of MurmurHash3 on a Weyl sequence.
    let weyl = (seed % 2 ** 32) ^ Math.floor(seed / 2 ** 32);
    this.state = Uint32Array.from({ length: 4 }, () => {
      weyl = (weyl + 0x9e3779b9) | 0;
      let mixed = Math.imul(weyl ^ (weyl >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      return mixed ^ (mixed >>> 16);
    });
    /** @type {number | null} */
    this.spare = null;
  }

  /** A whole number from 0 to 2^32 - 1. */
  integer() {
    const s = this.state;
    const turned = Math.imul(s[1], 5);
    const result = Math.imul((turned << 7) | (turned >>> 25), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** A number in [0, 1). */
  uniform() {
    return this.integer() / 2 ** 32;
  }

  /** A number from the normal distribution N(0, 1), after Box and Muller. */
  normal() {
    if (this.spare !== null) {
      const spare = this.spare;
      this.spare = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}
