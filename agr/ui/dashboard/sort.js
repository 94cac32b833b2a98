() => {
    // A click on a column's name sorts its table: numbers from the largest, a second click from the smallest, a third as it
    // was; words the other way round. A cell counts as what its first text says, and one without a figure comes last.
    const textOf = (cell) => document.createTreeWalker(cell, NodeFilter.SHOW_TEXT).nextNode()?.data ?? '';
    const numberOf = (cell) => parseFloat(textOf(cell).replaceAll(',', ''));
    document.addEventListener('click', (event) => {
        const head = event.target.closest?.('.agr-sort')?.closest('th');
        if (!head) return;
        const body = head.closest('table').tBodies[0], column = head.cellIndex;
        const rows = [...body.rows].filter((row) => !row.classList.contains('agr-first'));
        for (const [i, row] of rows.entries()) row.dataset.place ??= i;
        const orders = column ? ['descending', 'ascending', 'none'] : ['ascending', 'descending', 'none'];
        const order = orders[(orders.indexOf(head.getAttribute('aria-sort')) + 1) % 3];
        for (const each of head.parentNode.cells) each.setAttribute('aria-sort', each === head ? order : 'none');
        const compare = (a, b) => {
            if (order === 'none') return a.dataset.place - b.dataset.place;
            const sign = order === 'ascending' ? 1 : -1, [one, other] = [a, b].map((row) => row.cells[column]);
            if (!column) return sign * textOf(one).localeCompare(textOf(other), 'en', {numeric: true});
            const [x, y] = [numberOf(one), numberOf(other)];
            return Number.isNaN(x) - Number.isNaN(y) || sign * (x - y) || a.dataset.place - b.dataset.place;
        };
        body.append(...rows.sort(compare));
    });
}
