// Saves the figure above the buttons, with Plotly, which Gradio has loaded, and names it for screen readers. A click on a
// cell of the confusion heatmap presses the grid's button of that cell, and one on a bar the link of its name, if the view
// has one. Runs as js_on_load of the buttons' component.
const figure = element.closest('.agr-figure');
figure?.setAttribute('role', 'group');
const nameIt = () => {
    const title = figure.querySelector('.js-plotly-plot')?.layout?.title?.text;
    const name = title ?? element.querySelector('[data-name]').dataset.name.replaceAll('_', ' ');
    figure.setAttribute('aria-label', `Figure: ${name}`);
};
const open = ({points: [point]}) => {
    const links = [...element.closest('[role=tabpanel]').querySelectorAll('a[href^="?"]')];
    const target = figure.id === 'confusion-figure' ? document.querySelector(`#grid [data-key="${point.pointNumber}"]`)
        : links.find((link) => [point.x, point.y].includes(link.textContent));
    setTimeout(() => target?.click());  // after the click on the figure itself is over
};
const attend = () => {
    nameIt();
    const plot = figure.querySelector('.js-plotly-plot');
    if (!plot?.on) return;
    plot.removeListener('plotly_click', open);  // a figure that was drawn anew has lost it, another one has it still
    plot.on('plotly_click', open);
};
if (figure) {
    attend();
    new MutationObserver(attend).observe(figure, {childList: true, subtree: true});
}
element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-format]');
    const plot = element.closest('.agr-figure').querySelector('.js-plotly-plot');
    if (!button || !plot) return;
    // The file names its report and faces, and is white: it may be put beside others, on slides of any colour.
    const report = document.querySelector('#report input')?.value ?? '';
    const faces = document.querySelector('#head [role=status]')?.textContent ?? '';
    const title = {...plot.layout.title, subtitle: {text: `${report}. ${faces}`, font: {size: 11}}};
    const layout = {...plot.layout, title, paper_bgcolor: 'white', plot_bgcolor: 'white'};
    window.Plotly.downloadImage({data: plot.data, layout}, {
        format: button.dataset.format, filename: `${report}_${button.dataset.name}`, width: 900,
        height: Math.max(600, layout.height ?? 0), scale: 2,
    });
});
