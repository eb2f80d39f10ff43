/** Two long answers with every feature of Markdown, one in each language of the page. */
export const richAnswer = `A binary search halves the range at every step, so a **sorted** list of a million items needs about twenty looks. What to get right:

1. The range is half-open, \`[low, high)\`: it is empty when both meet.
2. The middle is rounded down, so \`high\` always moves.
3. What is not there gets the place where it belongs.

\`\`\`python
def find(items: list[int], wanted: int) -> int:
    """The first index whose item is not less."""
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
\`\`\`

How many looks it takes:

| Items | Looks | One by one |
|---|---:|---:|
| 100 | 7 | 50 |
| 10,000 | 14 | 5,000 |
| 1,000,000 | 20 | 500,000 |

In real code take [\`bisect\`](https://docs.python.org/3/library/bisect.html): it is the same, and written in C.`

export const richChinese = `二分查找每一步都把范围缩小一半，所以在**有序**的一百万个元素里，大约看二十次就够了。写的时候注意三点：

1. 区间左闭右开，写作 \`[low, high)\`，两端相遇就表示为空。
2. 中点向下取整，这样 \`high\` 每次都会移动。
3. 没找到时，返回的正好是应当插入的位置。

\`\`\`python
def find(items: list[int], wanted: int) -> int:
    """第一个不小于 wanted 的下标。"""
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
\`\`\`

各要看多少次：

| 元素个数 | 二分查找 | 逐个查找 |
|---|---:|---:|
| 100 | 7 | 50 |
| 10,000 | 14 | 5,000 |
| 1,000,000 | 20 | 500,000 |

实际项目里直接用标准库的 \`bisect\` 就好：**做法一样。**底层由 C 实现。`

/** An answer that is short enough for one screen. */
export const shortAnswer = `Halve the range at every step; the list has to be **sorted**. \`bisect\` does the same, in C:

\`\`\`python
def find(items: list[int], wanted: int) -> int:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2  # rounded down
        if items[middle] < wanted: low = middle + 1
        else: high = middle
    return low
\`\`\`

| Items | Looks | One by one |
|---|---:|---:|
| 1,000 | 10 | 500 |
| 1,000,000 | 20 | 500,000 |`

export const shortChinese = `每一步把范围缩小一半，前提是列表**有序**。标准库的 \`bisect\` 做法相同，由 C 实现：

\`\`\`python
def find(items: list[int], wanted: int) -> int:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2  # 向下取整
        if items[middle] < wanted: low = middle + 1
        else: high = middle
    return low
\`\`\`

| 元素个数 | 二分查找 | 逐个查找 |
|---|---:|---:|
| 1,000 | 10 | 500 |
| 1,000,000 | 20 | 500,000 |`
