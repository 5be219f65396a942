// A row of buttons at fixed places. A button that cannot be used stays, can be focused, and says why in visible text.

import { freshId, h, setAttr, setText } from '../dom.js';

/**
 * `buttons`: `[{name, label, tone, run}]`, the name being its data-testid. `update({name: why})`: a text disables
 * that button and gives the reason, null enables it. aria-disabled is used, since a disabled button cannot be focused
 * and so could never tell its reason.
 */
export function actionRow(buttons) {
	const why = h('p.why', { id: freshId('why') });
	const reasons = {};
	const made = buttons.map(({ name, label, tone, run }) => [
		name,
		h(
			'button',
			{
				type: 'button',
				class: `button ${tone ?? ''}`,
				testid: name,
				on: {
					click: (event) => {
						if (!reasons[name]) run(event);
					},
				},
			},
			label,
		),
	]);
	return {
		element: h(
			'div.action-row',
			{},
			h(
				'div.action-buttons',
				{},
				made.map(([, button]) => button),
			),
			why,
		),
		update(next) {
			Object.assign(reasons, next);
			for (const [name, button] of made) {
				setAttr(button, 'aria-disabled', reasons[name] ? 'true' : null);
				setAttr(button, 'aria-describedby', reasons[name] ? why.id : null);
			}
			setText(why, explain(buttons, reasons));
		},
	};
}

// Buttons with the same reason share one sentence.
function explain(buttons, reasons) {
	const grouped = new Map();
	for (const { name, label } of buttons) {
		if (!reasons[name]) continue;
		grouped.set(reasons[name], [...(grouped.get(reasons[name]) ?? []), label.replace('…', '').trim()]);
	}
	return [...grouped].map(([reason, labels]) => `${labels.join(', ')}: ${reason}.`).join(' ');
}
