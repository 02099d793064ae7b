"""Makes a story that shows a fault shorter, as long as it still shows the same fault."""

from collections.abc import Callable

from soak.steps import Story, simpler

TRIES = 400


def shrink(story: Story, fails: Callable[[Story], bool], tries: int = TRIES) -> Story:
    """The shortest story that is found by leaving out steps, many at once and then one by one, and by simplifying them."""
    left = tries

    def still(candidate: Story) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and fails(candidate)

    size = max(len(story) // 2, 1)
    while size and left > 0:
        start, before = 0, len(story)
        while start < len(story):
            candidate = story[:start] + story[start + size :]
            if candidate and still(candidate):
                story = candidate
            else:
                start += size
        size = size if size == 1 and len(story) < before else size // 2
    for number in range(len(story)):
        story = _simplified(story, number, still)
    return story


def _simplified(story: Story, number: int, still: Callable[[Story], bool]) -> Story:
    for easier in simpler(story[number]):
        candidate = (*story[:number], easier, *story[number + 1 :])
        if still(candidate):
            return _simplified(candidate, number, still)
    return story
