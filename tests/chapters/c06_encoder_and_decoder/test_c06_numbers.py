from lecture21.chapters import results


def test_new_numbers_and_a_new_length(said):
    table = results.load("transformer_numbers").query("to == 'words' and position == 'sinusoidal'")
    table = table.set_index(["max_digits", "longer", "n_train"]).sort_index().greedy
    said("Trained and tested on up to six digits: {:.2f}.", table[6, 0, 1000].mean())
    assert (table[5, 0, 1000] == 0).all()
    said("Not one number of six digits is read right.")
    helped = sorted(table[5, 20, 1000])
    said("one seed at {:.2f}, one at {:.2f} and one at {:.2f}.", *helped)
    diluted = 100 * table[5, 20, 4000]
    said("twenty in four thousand for {:.0f} to {:.0f} % of them.", diluted.min(), diluted.max())


def test_beam_search(said):
    beam = results.load("transformer_numbers").query("position != 'none' and max_digits == 6")
    assert (beam["beam_4"] - beam["greedy"]).abs().max() < 0.01
    said("in {} runs with positions, it finds a more probable output for at most {} of 400", len(beam),
         beam.beam_likelier.max())  # fmt: skip


def test_the_lab_on_a_long_distance_head(said):
    on = "long_distance_head"
    heads = results.load("long_distance")

    def tops(steps: int):
        rows = heads.query("steps == @steps")
        return rows.loc[rows.groupby("seed")["own_visible"].idxmax()]

    top, trained = tops(1500), heads.query("steps == 1500")
    own, other = top.own_visible, top.other_visible
    second = trained.drop(top.index).groupby("seed")["own_visible"].max()
    said("own completion {:.2f} to {:.2f} of the weight and the other completion {:.2f} to {:.2f}.",
         own.min(), own.max(), other.min(), other.max(), on=on)  # fmt: skip
    said("The second-best head gives its own completion {:.2f} to {:.2f}, and the untrained model's top head about "
         "{:.2f}.", second.min(), second.max(), tops(0).own_visible.mean(), on=on)  # fmt: skip
    assert (own > 2 * other).all()
    said("at least twice the weight of the other one, between {:.2f} and {:.2f}.", own.min(), own.max(), on=on)
    assert (second > 0.5).sum() == 1
    said("In one seed a second head has a weight of {:.2f}.", second.max(), on=on)
    early, few = tops(700), tops(700).own_visible
    said("the top heads have {:.2f} to {:.2f}, and in one seed", few.min(), few.max(), on=on)
    assert (early.own_visible < 2 * early.other_visible).sum() == 1
    restored, without = 100 * top.restored, 100 * top.restored_without
    said("predicts {:.0f} to {:.0f} % of the hidden verbs, and without the top head {:.0f} to {:.0f} %.",
         restored.min(), restored.max(), without.min(), without.max(), on=on)  # fmt: skip
    others = 100 * trained.drop(top.index).groupby("seed")["restored_without"].median()
    said("another head, which leaves {:.0f} to {:.0f} % (median of the other", others.min(), others.max(), on=on)
    worst = trained.loc[trained.groupby("seed")["restored_without"].idxmin()]
    said("In {:words} of five seeds, the head with the largest weight", top.index.isin(worst.index).sum(), on=on)
    said("from at least {:.2f} to between {:.2f} and {:.2f}, so", top.restored.min(), without.min() / 100,
         without.max() / 100, on=on)  # fmt: skip
