// Loads the page. Where a part of it cannot be fetched, as when the machine changes its network in that moment, a browser gives all of it
// up and shows nothing; so the page is loaded again, ever later. What came is kept by the browser and not asked for twice.
//
// A part that is fetched later, when its page is first opened, is missed by the event `part-missing`.

const TRIES = 'rolling-router.tries';
const WAIT_MS = 500;
const WAIT_MS_MAX = 30_000;
// A document that has stood so long has all that it needs.
const STANDS_MS = 60_000;

function loadAgainLater() {
	const tries = Number(sessionStorage.getItem(TRIES));
	sessionStorage.setItem(TRIES, String(tries + 1));
	setTimeout(() => location.reload(), Math.min(WAIT_MS * 2 ** tries, WAIT_MS_MAX));
}

addEventListener('part-missing', loadAgainLater);
try {
	await import('./gui.js');
	setTimeout(() => sessionStorage.removeItem(TRIES), STANDS_MS);
} catch (error) {
	document.getElementById('root').append('A part of the page could not be loaded. It is tried again.');
	console.warn(error);
	loadAgainLater();
}
