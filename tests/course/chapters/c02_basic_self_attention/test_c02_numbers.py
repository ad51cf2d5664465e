import math

from lecture21.course.chapters import results


def test_one_vector_for_each_word(said):
    table = results.load("one_vector").query("chosen and seed < 100")
    things = table.query("rivals == 'things' and trained == 40").set_index(["arm", "distance"]).sort_index()
    said("but the best one brings only {:.2f} at 40 words", things.loc["fixed"].score.mean())
    assert (things.loc["whitened"].score == 1).all()
    said("500 updates make ten of ten right in every sentence.")
    assert (things.loc["vectors"].score == 1).all()
    assert (things.loc["bag"].score == 1).all()
    said("ten of ten, trained at 40 words, are right in every sentence from 4 to 100 words.")
    found = things.loc[("vectors", 40)].weight_of_person.mean()
    said("at 40 words, the subject gets {:.2f} of the weight", found)


def test_two_jobs_for_one_vector(said):
    table = results.load("one_vector").query("chosen and seed < 100 and rivals == 'other kind' and trained == 13")
    rows = table[table.arm == "vectors"]
    weights = rows[["weight_of_person", "weight_of_thing"]]
    one = rows[weights.max(axis=1) > 0.3]
    most, least = weights.loc[one.index].max(axis=1), weights.loc[one.index].min(axis=1)
    said(
        "get {:.2f} to {:.2f} of the weight in {:words} of ten seeds, those of the other kind at most {:.2f}.",
        *(most.min(), most.max(), len(one), least.max()),
    )
    said("In no seed do both kinds get more than {:.2f}.", math.ceil(100 * weights.min(axis=1).max()) / 100)
    said("five nouns, which gets {:.2f} in these sentences", table[table.arm == "bag"].score.mean())
