// Mouse and touch on a panel: one pointer turns, two move and pinch.
const TURN_PER_PIXEL = 0.008, ZOOM_PER_PIXEL = 0.0012;
function listenToGestures(canvas) {
  const down = new Map();  // pointer -> [x, y]
  const spread = () => { const [p, q] = [...down.values()]; return { middle: [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2], apart: Math.max(Math.hypot(p[0] - q[0], p[1] - q[1]), 1) }; };
  const move = (dx, dy) => { const half = Math.min(canvas.clientWidth, canvas.clientHeight) / 2; setView({ right: state.view.right + dx / half, up: state.view.up - dy / half }); };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [event.clientX, event.clientY]);
    document.activeElement?.blur();
  };
  canvas.onpointermove = (event) => {
    if (!down.has(event.pointerId)) return;
    const [x, y] = down.get(event.pointerId), before = down.size === 2 ? spread() : null;
    down.set(event.pointerId, [event.clientX, event.clientY]);
    const [dx, dy] = [event.clientX - x, event.clientY - y];
    if (before) {
      const after = spread();
      move(after.middle[0] - before.middle[0], after.middle[1] - before.middle[1]);
      setView({ zoom: state.view.zoom * after.apart / before.apart });
    } else if (event.shiftKey || event.buttons & 6) move(dx, dy);
    else setView({ yaw: state.view.yaw - dx * TURN_PER_PIXEL, pitch: state.view.pitch + dy * TURN_PER_PIXEL });
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => down.delete(event.pointerId);
  canvas.onwheel = (event) => { event.preventDefault(); setView({ zoom: state.view.zoom * Math.exp(-event.deltaY * ZOOM_PER_PIXEL) }); };
  canvas.ondblclick = () => namedView("reset");
  canvas.oncontextmenu = (event) => event.preventDefault();
}
function listenToSeeking(canvas) {  // the strip and the curves are a second slider for pointers
  const seek = (event) => seekTo(frameAt(event.offsetX, canvas.clientWidth));
  canvas.onpointerdown = (event) => { canvas.setPointerCapture(event.pointerId); seek(event); };
  canvas.onpointermove = (event) => { if (event.buttons) seek(event); };
}
